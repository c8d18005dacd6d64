"""Remote images: what is fetched, kept, tried again and refused."""

import gzip
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import ImageError
from imgprep.sources import remote as module
from imgprep.sources.network import is_public
from imgprep.sources.remote import Remote, cache_file, fetch


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    monkeypatch.setattr(module, "_BACK_OFF", 0.001)
    return Remote(tmp_path / "cache", allow_private=True, timeout=5, retries=2, max_bytes=10_000)


def test_a_second_fetch_downloads_nothing(server: Any, options: Remote) -> None:
    url = server.body("/1.png", b"pixels")
    assert fetch(url, options) == fetch(url, options) == b"pixels"
    assert server.requests == ["/1.png"]
    assert [path.name for path in options.cache.rglob("*") if path.is_file()] == [cache_file(url, options).name]  # type: ignore[union-attr]


def test_odd_addresses_are_quoted(server: Any, options: Remote) -> None:
    server.body("/%C3%A9%20a.png?q=%C3%BC&x=1", b"pixels")
    assert fetch(f"{server.url}/é a.png?q=ü&x=1", options) == b"pixels"


def test_redirects_are_followed(server: Any, options: Remote) -> None:
    server.body("/2.png", b"pixels")
    url = server.body("/1.png", b"", 302, Location="2.png")
    assert fetch(url, options) == b"pixels"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_server_is_asked_again_and_failures_are_not_kept(
    server: Any, options: Remote, status: int
) -> None:
    url = server.body("/1.png", b"later", status)
    with pytest.raises(ImageError, match=f"the server answered {status}"):
        fetch(url, options)
    assert len(server.requests) == 3
    server.body("/1.png", b"pixels")
    assert fetch(url, options) == b"pixels"


def test_a_missing_page_is_not_asked_for_again(server: Any, options: Remote) -> None:
    with pytest.raises(ImageError, match="404"):
        fetch(f"{server.url}/none.png", options)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "image/jpeg"])
def test_a_page_instead_of_an_image_is_refused_and_not_kept(server: Any, options: Remote, kind: str) -> None:
    url = server.body("/1.png", b"\n <html>", Content_Type=kind)
    with pytest.raises(ImageError, match="instead of an image"):
        fetch(url, options)
    assert not cache_file(url, options).exists()


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:image/png;base64,AA", "gopher://x"]
)
def test_other_schemes_are_refused_also_after_a_redirect(server: Any, options: Remote, target: str) -> None:
    url = server.body("/1.png", b"", 301, Location=target)
    for address in (url, target):
        with pytest.raises(ImageError, match="only http and https"):
            fetch(address, options)


def test_a_redirect_loop_ends(server: Any, options: Remote) -> None:
    url = server.body("/1.png", b"", 302, Location="/1.png")
    with pytest.raises(ImageError, match="redirected more than"):
        fetch(url, options)


def test_a_short_body_is_no_success(server: Any, options: Remote) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"short")
        handler.close_connection = True

    server.answers["/1.png"] = answer
    with pytest.raises(ImageError, match="connection failed"):
        fetch(f"{server.url}/1.png", options)
    assert len(server.requests) == 3


@pytest.mark.parametrize("declared", [True, False])
def test_an_endless_body_ends(server: Any, options: Remote, declared: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header(*("Content-Length", "999999999999") if declared else ("Connection", "close"))
        handler.end_headers()
        handler.close_connection = True
        for _ in range(100):
            handler.wfile.write(b"x" * 10_000)

    server.answers["/1.png"] = answer
    with pytest.raises(ImageError, match="max_bytes"):
        fetch(f"{server.url}/1.png", options)
    assert len(server.requests) == 1


def test_a_compressed_answer_is_expanded_within_limits(server: Any, options: Remote) -> None:
    good = server.body("/1.png", gzip.compress(b"pixels"), Content_Encoding="gzip")
    assert fetch(good, options) == b"pixels"
    bomb = server.body("/2.png", gzip.compress(bytes(50_000_000)), Content_Encoding="gzip", Content_Type="image/png")
    with pytest.raises(ImageError, match="max_bytes"):
        fetch(bomb, Remote(options.cache, allow_private=True, max_bytes=100_000))
    damaged = server.body("/3.png", b"no gzip", Content_Encoding="gzip")
    with pytest.raises(ImageError, match="damaged gzip"):
        fetch(damaged, options)


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_slow_drip_ends_in_time(server: Any, options: Remote, where: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"
        handler.wfile.write(head if where == "headers" else head + b"\r\n")
        for _ in range(100):
            handler.wfile.write(b"X" if where == "body" else b"X: y\r\n")
            time.sleep(0.05)

    server.answers["/1.png"] = answer
    start = time.monotonic()
    with pytest.raises(ImageError, match="took longer"):
        fetch(f"{server.url}/1.png", Remote(options.cache, allow_private=True, timeout=0.4, retries=0))
    assert time.monotonic() - start < 3


def test_huge_headers_are_refused(server: Any, options: Remote) -> None:
    url = server.body("/1.png", b"pixels", X="y" * 500_000)
    with pytest.raises(ImageError, match="connection failed"):
        fetch(url, options)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_private_addresses_are_refused_in_every_spelling(server: Any, options: Remote, host: str) -> None:
    server.body("/1.png", b"secret")
    port = server.http.server_address[1]
    with pytest.raises(ImageError):
        fetch(f"http://{host}:{port}/1.png", Remote(options.cache, retries=0))
    assert server.requests == []


PRIVATE = """10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 255.255.255.255 ::1 ::
fe80::1%eth0 fc00::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1::"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", ["http://", "http://[::1", "http://a:b@127.0.0.1/", "http://h:99999/", "http://a\nb/"]
)
def test_broken_addresses_cost_one_image(options: Remote, address: str) -> None:
    with pytest.raises(ImageError):
        fetch(address, Remote(options.cache, retries=0))
