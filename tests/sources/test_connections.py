"""Where a connection goes: to the addresses that were checked, under the name that was asked for."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest

from imgprep.errors import ImageError
from imgprep.sources.remote import Connections, Remote, fetch

PIXELS = b"\x89PNG\r\n\x1a\n and so on"
PUBLIC, PRIVATE = "93.184.215.14", "127.0.0.1"
Resolver = Callable[..., list[str]]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """Lets a name mean the given addresses, one list for each time that it is looked up; gives the names asked for."""
    real = socket.getaddrinfo

    def install(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, *arguments: Any, **options: Any) -> Any:
            if not host.endswith(".test"):
                return real(host, *arguments, **options)
            asked.append(host)
            found = answers[min(len(asked), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return install


@pytest.fixture
def connected(server: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that are connected to; all lead to the server."""
    addresses: list[str] = []
    real = httpcore.SyncBackend.connect_tcp

    def connect(self: Any, host: str, port: int, *rest: Any) -> httpcore.NetworkStream:
        addresses.append(host)
        return real(self, "127.0.0.1", server.http.server_address[1], *rest)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    return addresses


@pytest.fixture
def options(tmp_path: Path) -> Remote:
    return Remote(tmp_path / "cache", timeout=10, retries=0)


def test_a_name_is_looked_up_once_and_its_checked_address_connected_to(
    server: Any, options: Remote, resolve: Resolver, connected: list[str]
) -> None:
    asked = resolve([PUBLIC], [PRIVATE])
    server.body("/1.png", PIXELS)
    assert fetch("http://images.test/1.png", options) == PIXELS
    assert (asked, connected) == (["images.test"], [PUBLIC])


def test_a_name_that_means_another_address_at_the_next_connection_is_checked_again(
    server: Any, options: Remote, resolve: Resolver, connected: list[str]
) -> None:
    resolve([PUBLIC], [PRIVATE])
    server.body("/1.png", PIXELS, Connection="close")
    server.body("/2.png", PIXELS)
    connections = Connections()
    fetch("http://images.test/1.png", options, connections)
    with pytest.raises(ImageError, match="private address"):
        fetch("http://images.test/2.png", options, connections)
    connections.close()
    assert connected == [PUBLIC]
    assert server.requests == ["/1.png"]


@pytest.mark.parametrize("addresses", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC]])
def test_a_name_with_a_private_address_among_others_is_refused(
    options: Remote, resolve: Resolver, connected: list[str], addresses: list[str]
) -> None:
    resolve(addresses)
    with pytest.raises(ImageError, match="private address"):
        fetch("http://images.test/1.png", options)
    assert connected == []


@pytest.mark.parametrize("target", ["http://127.0.0.1/2.png", "http://inside.test/2.png", "//[::ffff:7f00:1]/2.png"])
def test_a_redirect_to_a_private_address_is_not_followed(
    server: Any, options: Remote, resolve: Resolver, connected: list[str], target: str
) -> None:
    asked = resolve([PUBLIC], [PRIVATE])
    url = "http://images.test/1.png"
    server.body("/1.png", b"", 302, Location=target)
    with pytest.raises(ImageError, match="private address"):
        fetch(url, options)
    assert asked[0] == "images.test"
    assert connected == [PUBLIC]
    assert server.requests == ["/1.png"]


def test_every_hop_looks_its_name_up_once(
    server: Any, options: Remote, resolve: Resolver, connected: list[str]
) -> None:
    asked = resolve([PUBLIC])
    server.body("/1.png", b"", 302, Location="http://other.test/2.png")
    server.body("/2.png", PIXELS)
    assert fetch("http://images.test/1.png", options) == PIXELS
    assert asked == ["images.test", "other.test"]
    assert connected == [PUBLIC, PUBLIC]


def test_a_name_server_that_does_not_answer_is_not_waited_for(options: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60) and [])
    try:
        with pytest.raises(ImageError, match=r"took longer than it may: looking up the name images\.test"):
            fetch("http://images.test/1.png", Remote(options.cache, timeout=0.2, retries=0))
    finally:
        over.set()


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"])
def test_no_proxy_of_the_environment_is_asked(
    server: Any, options: Remote, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, server.url)
    with pytest.raises(ImageError, match="private address"):
        fetch("http://127.0.0.2/1.png", options)
    assert server.requests == []


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A server with a certificate for images.test that no authority has signed: its port and the certificate."""
    from tests.support.web import serving

    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    files = ["-keyout", key, "-out", certificate]
    name = ["-subj", "/CN=images.test", "-addext", "subjectAltName=DNS:images.test"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *name]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(context) as server:
        server.body("/1.png", PIXELS)
        yield server.http.server_address[1], certificate


@pytest.mark.parametrize(
    ("host", "trusted"), [("images.test", True), ("images.test", False), ("other.test", True), ("127.0.0.1", True)]
)
def test_a_certificate_is_checked_against_the_authorities_and_the_name(
    secure: tuple[int, Path],
    options: Remote,
    resolve: Resolver,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    trusted: bool,
) -> None:
    port, certificate = secure
    resolve(["127.0.0.1"])
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    address, private = f"https://{host}:{port}/1.png", Remote(options.cache, allow_private=True, timeout=20, retries=0)
    if trusted and host == "images.test":
        assert fetch(address, private) == PIXELS
        return
    with pytest.raises(ImageError, match="certificate verify failed"):
        fetch(address, private)
