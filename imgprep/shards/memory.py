"""A file in memory that does not copy large arrays written to it."""

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


_LARGE: Final = 1 << 16
"""Size in bytes from which a piece of a lasting array is not copied."""


class MemoryFile(io.RawIOBase):
    """Like `io.BytesIO`, but refers to large pieces of lasting arrays instead of copying them.

    Args:
        room: expected size in bytes; the buffer grows when needed. Parts that are never written, such as those of the
            large pieces, cost no memory.
        lasting: arrays that stay alive and unchanged until the blocks of the file have been used.
    """

    def __init__(self, room: int, lasting: Iterable[NDArray[Any]] = ()) -> None:
        super().__init__()
        self._lasting = [(address, address + array.nbytes) for array in lasting for address in [_address(array)]]
        self._buffer = np.empty(max(room, 1024), np.uint8)
        self._position = 0
        self._end = 0
        self._large: dict[int, memoryview] = {}

    def blocks(self) -> tuple[memoryview, ...]:
        """The content in order, without a copy."""
        found: list[memoryview] = []
        start = 0
        for place, piece in sorted(self._large.items()):
            found += [self._buffer.data[start:place], piece]
            start = place + len(piece)
        return tuple(block for block in (*found, self._buffer.data[start : self._end]) if len(block))

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Moves the position, possibly past the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Reads from the position on; returns the number of bytes."""
        target = memoryview(buffer).cast("B")
        self._copy_in(self._position, self._position + len(target))
        size = max(0, min(len(target), self._end - self._position))
        target[:size] = self._buffer.data[self._position : self._position + size]
        self._position += size
        return size

    def write(self, data: "ReadableBuffer", /) -> int:
        """Writes at the position; a gap before it becomes zeros."""
        source = memoryview(data).cast("B")
        if not source:
            return 0
        stop = self._position + len(source)
        self._copy_in(self._position, stop)
        self._extend(max(self._position, self._end), stop)
        if len(source) >= _LARGE and self._lasts(source):
            self._large[self._position] = source
        else:
            self._buffer.data[self._position : stop] = source
        self._position = stop
        self._end = max(self._end, stop)
        return len(source)

    def truncate(self, size: int | None = None, /) -> int:
        """Cuts the file, or makes it longer by zeros."""
        size = self._position if size is None else size
        self._copy_in(size, self._end)
        self._extend(size, size)
        self._end = size
        return size

    def _lasts(self, piece: memoryview) -> bool:
        """Returns whether a piece is part of a lasting array; others are buffers that their owner may reuse."""
        start = _address(np.frombuffer(piece, np.uint8))
        return any(low <= start and start + len(piece) <= high for low, high in self._lasting)

    def _copy_in(self, start: int, stop: int) -> None:
        """Copies large pieces that overlap a range into the buffer, before the range is read or written."""
        for place in [place for place, piece in self._large.items() if place < stop and start < place + len(piece)]:
            piece = self._large.pop(place)
            self._buffer.data[place : place + len(piece)] = piece

    def _extend(self, zeros_until: int, room: int) -> None:
        if room > len(self._buffer):
            larger = np.empty(max(room, len(self._buffer) * 3 // 2), np.uint8)
            larger[: self._end] = self._buffer[: self._end]
            self._buffer = larger
        # The room comes uninitialised: what is not written must not show what the memory held before.
        self._buffer[self._end : zeros_until] = 0


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
