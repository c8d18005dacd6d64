"""HTTP for addresses from untrusted tables: every connection goes to an address that was checked, and ends in time."""

import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from imgprep.errors import ImageError, one_line
from imgprep.sources.base import CONTROL
from imgprep.sources.remote import RetryableError

MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TEXTS: Final = ("text/", "application/json", "application/xhtml")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_OPERATION_TIMEOUT: Final = 10.0
_HEADERS: Final = (
    (b"User-Agent", b"imgprep"),
    (b"Accept", b"image/*"),
    (b"Accept-Encoding", b"identity"),
)

# Characters that an address may hold as they are.
_PLAIN: Final = "%/:=&~+!$,;@()*"

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


class Clock(threading.local):
    """When the request of this thread must be over, in seconds of `time.monotonic`."""

    end: float = float("inf")

    def left(self, most: float | None) -> float:
        """Seconds that one operation may take.

        Raises:
            httpcore.ReadTimeout: there are none left.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole request took too long")
        return min(left, _OPERATION_TIMEOUT if most is None else most)


CLOCK: Final = Clock()


def is_public(address: str) -> bool:
    """Whether an IP address, also one inside another, belongs to the public internet.

    >>> is_public("93.184.215.14"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    inner: list[IPAddress] = [found]
    if isinstance(found, ipaddress.IPv6Address):
        inner += [part for part in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if part is not None]
        if found in _NAT64:
            inner.append(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF))
    return all(part.is_global and not part.is_multicast for part in (inner[1:] or inner)) and not found.is_multicast


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the very address that was checked: a name cannot mean another one a moment later."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        """Looks the name up, checks every address it has, connects to the first that answers."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {one_line(host, 80)} is not known") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._allow_private and not all(map(is_public, addresses)):
            raise ImageError(f"{one_line(host, 80)} is a private address; set source.remote.allow_private to fetch it")
        for number, address in enumerate(addresses, 1):
            try:
                stream = self._inner.connect_tcp(address, port, CLOCK.left(timeout), local_address, socket_options)
                return _TimedStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{one_line(host, 80)} has no address")

    def sleep(self, seconds: float) -> None:
        """Waits."""
        self._inner.sleep(seconds)


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no operation outlasts the request, however slowly the bytes drip."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, CLOCK.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, CLOCK.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, CLOCK.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Browser:
    """A pool of connections with the one policy."""

    def __init__(self, *, allow_private: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            max_connections=8, keepalive_expiry=30, network_backend=CheckedBackend(allow_private=allow_private)
        )

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()

    def get(self, address: str, max_bytes: int, seconds: float) -> bytes:
        """Fetches one resource, following redirects.

        Args:
            address: http or https.
            max_bytes: the most that the answer may hold.
            seconds: the longest that all of it may take.

        Raises:
            ImageError: it is refused, or the answer is no image.
            RetryableError: it may work another time.
        """
        CLOCK.end = time.monotonic() + seconds
        try:
            for _ in range(MAX_REDIRECTS + 1):
                body, following = self._hop(address, max_bytes)
                if following is None:
                    return body
                address = following
            raise ImageError(f"redirected more than {MAX_REDIRECTS} times")
        except httpcore.TimeoutException as error:
            raise RetryableError(f"took longer than it may: {one_line(error, 80) or 'no answer'}") from None
        except httpcore.UnsupportedProtocol as error:
            raise ImageError(f"not an http address: {one_line(error, 80)}") from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise RetryableError(f"the connection failed: {one_line(error, 120)}") from None
        finally:
            CLOCK.end = float("inf")

    def _hop(self, address: str, max_bytes: int) -> tuple[bytes, str | None]:
        """The body, or where to go next."""
        url = _parsed(address)
        with self._pool.stream("GET", url, headers=[(b"Host", _host(url)), *_HEADERS]) as response:
            headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _REDIRECTS and b"location" in headers:
                return b"", urljoin(address, headers[b"location"])
            _check_answer(response.status, headers)
            declared = headers.get(b"content-length", "0")
            if declared.isdigit() and int(declared) > max_bytes:
                raise ImageError(f"{declared} bytes, more than the {max_bytes} that max_bytes allows")
            expand = _expander(headers.get(b"content-encoding", ""))
            parts, size = [], 0
            for part in response.iter_stream():
                CLOCK.left(None)
                parts.append(expand(part, max_bytes + 1))
                size += len(parts[-1])
                if size > max_bytes:
                    raise ImageError(f"more than the {max_bytes} bytes that max_bytes allows")
            return b"".join(parts), None


def _expander(encoding: str) -> Callable[[bytes, int], bytes]:
    """What undoes a compression that was not asked for, a bounded number of bytes at a time."""
    if encoding.lower() in {"", "identity"}:
        return lambda part, _: part
    if encoding.lower() not in {"gzip", "x-gzip"}:
        raise ImageError(f"the server sent the encoding {one_line(encoding, 40)}, which was not asked for")
    inflate = zlib.decompressobj(wbits=31)

    def expand(part: bytes, most: int) -> bytes:
        try:
            return inflate.decompress(part, most)
        except zlib.error as error:
            raise ImageError(f"the server sent damaged gzip: {one_line(error, 80)}") from None

    return expand


def _check_answer(status: int, headers: dict[bytes, str]) -> None:
    if status == 429 or status >= 500:
        wait = headers.get(b"retry-after", "")
        raise RetryableError(f"the server answered {status}", float(wait) if wait.isdigit() and len(wait) < 6 else 0)
    if status != 200:
        raise ImageError(f"the server answered {status}")
    if headers.get(b"content-type", "").lower().startswith(_TEXTS):
        raise ImageError(f"the server sent {one_line(headers[b'content-type'], 60)} instead of an image")


def _parsed(address: str) -> httpcore.URL:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        if parts.scheme.lower() not in {"http", "https"} or not host:
            raise ImageError(f"only http and https addresses are fetched, not {one_line(address, 80)}")
        if CONTROL.search(address) or parts.username is not None:
            raise ImageError(f"the address {one_line(address, 80)!r} has control characters or a user in it")
        encoded = host.encode("idna") if not host.isascii() else host.encode()
    except (ValueError, UnicodeError) as error:
        raise ImageError(f"the address {one_line(address, 80)!r} cannot be read: {one_line(error, 80)}") from None
    target = quote(parts.path or "/", safe=_PLAIN)
    if parts.query:
        target += "?" + quote(parts.query, safe=_PLAIN + "?")
    return httpcore.URL(scheme=parts.scheme.lower().encode(), host=encoded, port=port, target=target.encode())


def _host(url: httpcore.URL) -> bytes:
    host = b"[" + url.host + b"]" if b":" in url.host else url.host
    return host if url.port is None else host + b":%d" % url.port
