"""HTTP for addresses from untrusted tables: what is asked, which answers are taken, and how much of them."""

import errno
import time
import zlib
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from imgprep.errors import ImageError, check_surroundings, one_line
from imgprep.sources.base import CONTROL
from imgprep.sources.connections import CheckedBackend, Clock
from imgprep.sources.retry import RetryableError

MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TEXTS: Final = ("text/", "application/json", "application/xhtml")
_HEADERS: Final = (
    (b"User-Agent", b"imgprep"),
    (b"Accept", b"image/*"),
    (b"Accept-Encoding", b"identity"),
)

# Characters that an address may hold as they are.
_PLAIN: Final = "%/:=&~+!$,;@()*"


class Browser:
    """A pool of connections with the one policy."""

    def __init__(self, *, allow_private: bool) -> None:
        self._clock = Clock()
        # Each thread has one request at a time; none must wait, on its clock, for a connection of another.
        self._pool = httpcore.ConnectionPool(
            max_connections=None,
            max_keepalive_connections=8,
            keepalive_expiry=30,
            network_backend=CheckedBackend(self._clock, allow_private=allow_private),
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
        self._clock.end = time.monotonic() + seconds
        try:
            for _ in range(MAX_REDIRECTS + 1):
                body, following = self._hop(address, max_bytes)
                if following is None:
                    return body
                address = following
            raise ImageError(f"redirected more than {MAX_REDIRECTS} times")
        except httpcore.TimeoutException as error:
            raise RetryableError(f"took longer than it may: {one_line(error, 120) or 'no answer'}") from None
        except httpcore.NetworkError as error:
            cause = error.__cause__ or error.__context__
            if isinstance(cause, OSError) and cause.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}:
                check_surroundings(cause, address)
            raise RetryableError(f"the connection failed: {one_line(error, 120)}") from None
        except httpcore.ProtocolError as error:
            raise RetryableError(f"the server's answer is broken: {_what_is_broken(error)}") from None
        finally:
            self._clock.end = float("inf")

    def _hop(self, address: str, max_bytes: int) -> tuple[bytes, str | None]:
        """The body, or where to go next."""
        url = _parsed(address)
        with self._pool.stream("GET", url, headers=[(b"Host", _host(url)), *_HEADERS]) as response:
            if response.status in _REDIRECTS and (location := _values(response, b"location")):
                return b"", _joined(address, location[0])
            _check_answer(response)
            return _body(response, max_bytes, self._clock), None


def _what_is_broken(error: httpcore.ProtocolError) -> str:
    hints = [getattr(cause, "error_status_hint", None) for cause in error.args]
    if HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE in hints:  # h11 itself speaks of its buffer
        return "its headers, or those of a part of it, have no end or are huge"
    return one_line(error, 120)


def _values(response: httpcore.Response, name: bytes) -> list[bytes]:
    """The values of a header, each as often as it was sent."""
    return [value for key, value in response.headers if key.lower() == name]


def _check_answer(response: httpcore.Response) -> None:
    """Refuses what does not say that it is an image."""
    status = response.status
    if status == 429 or status >= 500:
        waits = [float(value) for value in _values(response, b"retry-after") if value.isdigit()]  # else it is a date
        raise RetryableError(f"the server answered {status}", max(waits, default=0))
    if status != 200:
        raise ImageError(f"the server answered {status}")
    for value in _values(response, b"content-type"):
        kind = value.decode("latin-1")
        if kind.lower().startswith(_TEXTS):
            raise ImageError(f"the server sent {one_line(kind, 60)} instead of an image")


def _body(response: httpcore.Response, max_bytes: int, clock: Clock) -> bytes:
    """All of an answer, expanded; no more of it is read than may be had."""
    for declared in _values(response, b"content-length"):
        if declared.isdigit() and int(declared) > max_bytes:
            raise ImageError(f"{int(declared)} bytes, more than the {max_bytes} that max_bytes allows")
    coding = _Coding(b", ".join(_values(response, b"content-encoding")).decode("latin-1"))
    parts, size = [], 0
    for part in response.iter_stream():
        clock.left()
        parts.append(coding.expand(part, max_bytes + 1))
        size += len(parts[-1])
        if size > max_bytes:
            raise ImageError(f"more than the {max_bytes} bytes that max_bytes allows")
    coding.finish()
    return b"".join(parts)


class _Coding:
    """Decompresses a response that was compressed unasked, a bounded number of bytes at a time.

    Args:
        name: of the content coding (RFC 9110, 8.4); only gzip is undone, one member that ends where the answer does.
    """

    def __init__(self, name: str) -> None:
        if name.lower() not in {"", "identity", "gzip", "x-gzip"}:
            raise ImageError(f"the server sent the encoding {one_line(name, 40)}, which was not asked for")
        self._inflate = zlib.decompressobj(wbits=31) if "gzip" in name.lower() else None

    def expand(self, part: bytes, most: int) -> bytes:
        """At most so many bytes; whoever gets them all does not go on."""
        if self._inflate is None:
            return part
        try:
            expanded = self._inflate.decompress(part, most)
        except zlib.error as error:
            raise ImageError(f"the server sent damaged gzip: {one_line(error, 80)}") from None
        if self._inflate.unused_data:
            raise ImageError("the server sent damaged gzip: there is something after its first member")
        return expanded

    def finish(self) -> None:
        """Nothing more comes."""
        if self._inflate is not None and not self._inflate.eof:
            raise RetryableError("the server sent damaged gzip: it is cut short")


def _joined(address: str, location: bytes) -> str:
    """The target of a redirect. Bytes beyond ASCII, which should have been quoted, are kept."""
    target = location.decode("utf-8", "surrogateescape")
    try:
        return urljoin(address, target)
    except ValueError as error:
        raise _unreadable(target, error) from None


def _parsed(address: str) -> httpcore.URL:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
        if parts.scheme.lower() not in {"http", "https"} or not host:
            raise ImageError(f"only http and https addresses are fetched, not {one_line(address, 80)}")
        if CONTROL.search(address) or parts.username is not None:
            raise ImageError(f"the address {one_line(address, 80)!r} has control characters or a user in it")
        encoded = host.encode("idna") if not host.isascii() else host.encode()
        target = quote(parts.path or "/", safe=_PLAIN, errors="surrogateescape")
        if parts.query:
            target += "?" + quote(parts.query, safe=_PLAIN + "?", errors="surrogateescape")
    except ValueError as error:
        raise _unreadable(address, error) from None
    return httpcore.URL(scheme=parts.scheme.lower().encode(), host=encoded, port=port, target=target.encode())


def _unreadable(address: str, error: ValueError) -> ImageError:
    return ImageError(f"the address {one_line(address, 80)!r} cannot be read: {one_line(error, 80)}")


def _host(url: httpcore.URL) -> bytes:
    host = b"[" + url.host + b"]" if b":" in url.host else url.host
    return host if url.port is None else host + b":%d" % url.port
