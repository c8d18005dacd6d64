"""Messages over a stream socket: eight bytes of length, then the bytes."""

import socket
from collections import deque
from collections.abc import Iterator
from struct import Struct
from typing import Final

_LENGTH: Final = Struct("<Q")
_CHUNK: Final = 1 << 18


class Channel:
    """The end of a worker, which has nothing better to do than to wait."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        connection.setblocking(True)

    def send(self, message: bytes) -> None:
        """Sends a message."""
        self._socket.sendall(_LENGTH.pack(len(message)) + message)

    def receive(self) -> bytearray | None:
        """Waits for the next message; None when no more will come."""
        header = receive_exactly(self._socket, _LENGTH.size)
        return receive_exactly(self._socket, *_LENGTH.unpack(header)) if header else None


def receive_exactly(connection: socket.socket, length: int) -> bytearray | None:
    """Waits for so many bytes; None when the other end is closed before."""
    data = bytearray(length)
    rest = memoryview(data)
    while rest:
        received = connection.recv_into(rest)
        if not received:
            return None
        rest = rest[received:]
    return data


class Mailbox:
    """The end of the supervisor, which must never wait for one worker alone.

    Attributes:
        socket: to watch.
        ended: the worker closed its end, or died.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket = connection
        self.ended = False
        self._inbox = bytearray()
        self._outbox: deque[memoryview] = deque()

    @property
    def sending(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._outbox)

    def send(self, *parts: bytes) -> None:
        """Takes in a message, without joining its parts; sends as much as is possible now."""
        self._outbox += map(memoryview, (_LENGTH.pack(sum(map(len, parts))), *parts))
        self.flush()

    def flush(self) -> None:
        """Sends as much as is possible now."""
        try:
            while self._outbox:
                sent = self.socket.send(self._outbox[0])
                rest = self._outbox.popleft()[sent:]
                if rest:
                    self._outbox.appendleft(rest)
        except BlockingIOError:
            pass
        except OSError:
            # The worker is dead: reading tells, and what it still wrote is read first.
            self._outbox.clear()

    def receive(self) -> Iterator[bytearray]:
        """The messages that are complete now."""
        self._fill()
        while len(self._inbox) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._inbox)
            end = _LENGTH.size + length
            if len(self._inbox) < end:
                return
            message = self._inbox[_LENGTH.size : end]
            del self._inbox[:end]
            yield message

    def _fill(self) -> None:
        try:
            while data := self.socket.recv(_CHUNK):
                self._inbox += data
        except BlockingIOError:
            return
        except OSError:
            pass
        self.ended = True

    def finish(self) -> None:
        """Tells the worker that no more messages will come."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        """Gives the socket back."""
        self.socket.close()
