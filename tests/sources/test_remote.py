"""Remote images: what is fetched, kept, tried again and refused."""

import gzip
import os
import pickle
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import ImageError, ResourceError
from imgprep.sources import retry
from imgprep.sources.connections import is_public
from imgprep.sources.remote import Connections, Remote, cache_file, fetch, forget

PIXELS = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    monkeypatch.setattr(retry, "_BACK_OFF", 0.001)
    return Remote(tmp_path / "cache", allow_private=True, timeout=5, retries=2, max_bytes=10_000)


def test_a_second_fetch_downloads_nothing(server: Any, options: Remote) -> None:
    url = server.body("/1.png", PIXELS)
    assert fetch(url, options) == fetch(url, options) == PIXELS
    assert server.requests == ["/1.png"]
    assert [path.name for path in options.cache.rglob("*") if path.is_file()] == [cache_file(url, options).name]  # type: ignore[union-attr]


def test_what_a_spec_may_not_fetch_it_does_not_get_from_what_another_fetched(server: Any, options: Remote) -> None:
    url = server.body("/1.png", PIXELS)
    assert fetch(url, options) == PIXELS
    with pytest.raises(ImageError, match="private address"):
        fetch(url, replace(options, allow_private=False))
    with pytest.raises(ImageError, match=f"{len(PIXELS)} bytes, more than the 10 that max_bytes allows"):
        fetch(url, replace(options, max_bytes=10))
    assert fetch(url, options) == PIXELS
    assert server.requests == ["/1.png"]


def test_a_source_keeps_its_connections_and_a_copy_opens_its_own(server: Any, options: Remote) -> None:
    connections = Connections()
    for name in ("/1.png", "/2.png"):
        assert fetch(server.body(name, PIXELS), options, connections) == PIXELS
    browser = connections.browser(allow_private=True)
    assert connections.browser(allow_private=True) is browser
    assert connections.browser(allow_private=False) is not browser
    copy = pickle.loads(pickle.dumps(connections))
    assert copy.browser(allow_private=True) is not browser
    copy.close()
    connections.close()


def test_odd_addresses_are_quoted(server: Any, options: Remote) -> None:
    server.body("/%C3%A9%20a.png?q=%C3%BC&x=1", PIXELS)
    assert fetch(f"{server.url}/é a.png?q=ü&x=1", options) == PIXELS


def test_redirects_are_followed(server: Any, options: Remote) -> None:
    server.body("/2.png", PIXELS)
    url = server.body("/1.png", b"", 302, Location="2.png")
    assert fetch(url, options) == PIXELS


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_server_is_asked_again_and_failures_are_not_kept(
    server: Any, options: Remote, status: int
) -> None:
    url = server.body("/1.png", b"later", status)
    with pytest.raises(ImageError, match=f"the server answered {status}"):
        fetch(url, options)
    assert len(server.requests) == 3
    server.body("/1.png", PIXELS)
    assert fetch(url, options) == PIXELS


def test_a_missing_page_is_not_asked_for_again(server: Any, options: Remote) -> None:
    with pytest.raises(ImageError, match="404"):
        fetch(f"{server.url}/none.png", options)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "image/jpeg"])
def test_a_page_instead_of_an_image_is_refused_and_not_kept(server: Any, options: Remote, kind: str) -> None:
    url = server.body("/1.png", b"\n <html>", Content_Type=kind)
    with pytest.raises(ImageError, match=r"instead of an image|not an image .*looks like HTML"):
        fetch(url, options)
    assert not cache_file(url, options).exists()


def test_what_is_forgotten_is_fetched_again(server: Any, options: Remote) -> None:
    url = server.body("/1.png", PIXELS)
    fetch(url, options)
    forget(url, options)
    forget(url, options)
    fetch(url, options)
    assert server.requests == ["/1.png"] * 2


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:image/png;base64,AA", "gopher://x"]
)
def test_other_schemes_are_refused_also_after_a_redirect(server: Any, options: Remote, target: str) -> None:
    url = server.body("/1.png", b"", 301, Location=target)
    for address in (url, target):
        with pytest.raises(ImageError, match="only http and https"):
            fetch(address, options)


@pytest.mark.parametrize("target", ["http://[", "//[::1", "http://h:port/", "/\0.png"])
def test_a_redirect_to_nowhere_costs_one_image(server: Any, options: Remote, target: str) -> None:
    url = server.body("/1.png", b"", 302, Location=target)
    with pytest.raises(ImageError, match=r"cannot be read|control characters|answer is broken"):
        fetch(url, options)


def test_a_redirect_that_is_not_quoted_is_followed(server: Any, options: Remote) -> None:
    server.body("/%C3%A9%FF.png", PIXELS)
    url = server.body("/1.png", b"", 302, Location=b"/\xc3\xa9\xff.png".decode("latin-1"))
    assert fetch(url, options) == PIXELS


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
    with pytest.raises(ImageError, match="answer is broken"):
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
    good = server.body("/1.png", gzip.compress(PIXELS), Content_Encoding="gzip")
    assert fetch(good, options) == PIXELS
    bomb = server.body("/2.png", gzip.compress(bytes(50_000_000)), Content_Encoding="gzip", Content_Type="image/png")
    with pytest.raises(ImageError, match="max_bytes"):
        fetch(bomb, Remote(options.cache, allow_private=True, max_bytes=100_000))
    damaged = server.body("/3.png", b"no gzip", Content_Encoding="gzip")
    with pytest.raises(ImageError, match="damaged gzip"):
        fetch(damaged, options)


@pytest.mark.parametrize("sent", ["a part", "two members", "something after it", "in two codings"])
def test_a_compressed_answer_is_one_whole_member(server: Any, options: Remote, sent: str) -> None:
    member = gzip.compress(PIXELS)
    content = {"a part": member[:-4], "two members": 2 * member, "something after it": member + b"x"}.get(sent, member)
    coding = "identity, gzip" if sent == "in two codings" else "gzip"
    url = server.body("/1.png", content, Content_Encoding=coding, Content_Type="image/png")
    with pytest.raises(ImageError, match=r"damaged gzip|which was not asked for"):
        fetch(url, options)
    assert not cache_file(url, options).exists()


@pytest.mark.parametrize("wait", ["99999", "9" * 500, "²"])
def test_no_server_is_waited_for_longer_than_an_image_may_take(server: Any, options: Remote, wait: str) -> None:
    url = server.body("/1.png", b"later", 429, Retry_After=wait)
    with pytest.raises(ImageError, match="the server answered 429"):
        fetch(url, options)
    assert len(server.requests) == (3 if wait == "²" else 1)


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
    url = server.body("/1.png", PIXELS, X="y" * 500_000)
    with pytest.raises(ImageError, match=r"headers, .* are huge"):
        fetch(url, options)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_private_addresses_are_refused_in_every_spelling(server: Any, options: Remote, host: str) -> None:
    server.body("/1.png", PIXELS)
    port = server.http.server_address[1]
    with pytest.raises(ImageError):
        fetch(f"http://{host}:{port}/1.png", Remote(options.cache, retries=0))
    assert server.requests == []


PRIVATE = """10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 255.255.255.255 ::1 ::
fe80::1%eth0 fec0::1 fc00::1 ff02::1 ff0e::1 ::ffff:10.0.0.1 ::127.0.0.1 ::ffff:0:127.0.0.1 ::808:808 64:ff9b::7f00:1
64:ff9b:1::7f00:1 64:ff9b:1::808:808 2002:7f00:1:: 2606:4700::5efe:7f00:1 2606:4700::200:5efe:a00:1 2001:0:7f00:1::1
2001:0:808:808::8080:fefe 2001:db8::1 4000::1"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


PUBLIC = """8.8.8.8 2606:4700:4700::1111 2606:4700:4700::1111%eth0 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1
2606:4700::5efe:808:808"""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", ["http://", "http://[::1", "http://a:b@127.0.0.1/", "http://h:99999/", "http://a\nb/", "http://h/\ud800"]
)
def test_broken_addresses_cost_one_image(options: Remote, address: str) -> None:
    with pytest.raises(ImageError):
        fetch(address, Remote(options.cache, retries=0))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows always knows a home")
def test_a_user_without_a_home_must_name_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(ResourceError, match=r"source\.remote\.cache"):
        fetch("http://127.0.0.1/", Remote())
