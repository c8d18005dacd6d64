"""Connections for addresses from untrusted tables: each goes to an address that was checked, and ends in time."""

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any, Final

import httpcore

from imgprep.errors import ImageError, one_line

_OPERATION_TIMEOUT: Final = 10.0
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_ISATAP: Final = 0x5EFE
"""Bits 32 to 47 of an address that ends in an IPv4 address, but for the two that RFC 5214 leaves open."""

SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


class Clock(threading.local):
    """The time when the request of this thread must be over, in seconds of `time.monotonic`."""

    end: float = float("inf")

    def left(self, most: float | None = None) -> float:
        """Seconds that one operation may take.

        Raises:
            httpcore.ReadTimeout: there are none left.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole request took too long")
        return min(left, _OPERATION_TIMEOUT if most is None else most)


def is_public(address: str) -> bool:
    """Returns whether an IP address, and the one inside it, belong to the public internet.

    Of IPv6 that is what IANA has given out for it, 2000::/3, and IPv4 behind the well-known prefix of NAT64 (RFC 6052);
    everything else, such as IPv4-compatible and site-local addresses, is at best the affair of a network of one's own.

    >>> is_public("93.184.215.14"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return _is_global(found)
    last = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if found.ipv4_mapped is not None or found in _NAT64:
        return _is_global(last)
    if found.sixtofour is not None:  # newer versions of Python call all of them private
        return _is_global(found.sixtofour)
    inner = last if int(found) >> 32 & 0xFCFFFFFF == _ISATAP else None
    return found in _UNICAST and _is_global(found) and (inner is None or _is_global(inner))


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_global and not address.is_multicast


def _look_up(host: str, port: int, clock: Clock) -> list[str]:
    """The addresses of a name; in a thread that is left behind, because the resolver knows no deadline.

    Raises:
        httpcore.ConnectError: there is no such name.
        httpcore.ConnectTimeout: there is no answer in time.
    """
    answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = answer.get(timeout=clock.left())
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"looking up the name {one_line(host, 80)}") from None
    if isinstance(found, Exception):
        raise httpcore.ConnectError(f"the name {one_line(host, 80)} is not known") from found
    return found


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to the very address that was checked: a name cannot mean another one a moment later."""

    def __init__(self, clock: Clock, *, allow_private: bool) -> None:
        self._clock = clock
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
        """Looks the name up once, checks every address it has, connects to the first that answers."""
        addresses = _look_up(host, port, self._clock)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise ImageError(f"{one_line(host, 80)} is a private address; set source.remote.allow_private to fetch it")
        for number, address in enumerate(addresses, 1):
            try:
                stream = self._inner.connect_tcp(
                    address, port, self._clock.left(timeout), local_address, socket_options
                )
                return _TimedStream(stream, self._clock)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{one_line(host, 80)} has no address")

    def sleep(self, seconds: float) -> None:
        """Waits."""
        self._inner.sleep(seconds)


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no operation outlasts the request, however slowly the bytes drip."""

    def __init__(self, inner: httpcore.NetworkStream, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, self._clock.left(timeout)), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
