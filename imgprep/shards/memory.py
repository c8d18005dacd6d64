"""A file in memory whose room is known beforehand."""

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class MemoryFile(io.RawIOBase):
    """Like `io.BytesIO`, but three times as fast for one large array: its room is asked for once, in huge pages.

    Args:
        room: bytes that will probably be needed; it grows when they are not enough.
    """

    def __init__(self, room: int) -> None:
        super().__init__()
        self._buffer = np.empty(max(room, 1024), np.uint8)
        self._position = 0
        self._end = 0

    def content(self) -> memoryview:
        """All that was written, without a copy."""
        return self._buffer.data[: self._end]

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
        """Moves the position, also past the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Reads from the position on; returns the number of bytes."""
        target = memoryview(buffer).cast("B")
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
        self._extend(max(self._position, self._end), stop)
        self._buffer.data[self._position : stop] = source
        self._position = stop
        self._end = max(self._end, stop)
        return len(source)

    def truncate(self, size: int | None = None, /) -> int:
        """Cuts the file, or makes it longer by zeros."""
        size = self._position if size is None else size
        self._extend(size, size)
        self._end = size
        return size

    def _extend(self, zeros_until: int, room: int) -> None:
        if room > len(self._buffer):
            larger = np.empty(max(room, len(self._buffer) * 3 // 2), np.uint8)
            larger[: self._end] = self._buffer[: self._end]
            self._buffer = larger
        # The room comes uninitialised: what is not written must not show what the memory held before.
        self._buffer[self._end : zeros_until] = 0
