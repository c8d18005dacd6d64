"""Gzip files of unknown origin: one member, complete, checked, and no larger than asked for."""

import io
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from imgprep.arrays.files import LARGE_BYTES, LARGE_RATIO, MAX_EXPANDED_BYTES
from imgprep.arrays.progress_hook import step
from imgprep.errors import SourceError, one_line

_BLOCK: Final = 1 << 18


class GzipReader(io.RawIOBase):
    """The content of a gzip file, as a stream.

    Args:
        path: of the file.
        file: the file itself, where it is open already; it is closed with the reader.
        most: bytes that it may expand to, whatever its size.
        several: whether members may follow the first one.

    Raises:
        SourceError: while reading: it is cut, damaged, has several members or bytes after its end, or expands to more
            than it may or `LARGE_RATIO` times its size.
    """

    def __init__(
        self, path: Path, file: BinaryIO | None = None, most: int = MAX_EXPANDED_BYTES, *, several: bool = False
    ) -> None:
        self._path = path
        self._several = several
        self._file = path.open("rb") if file is None else file
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        self._left = min(most, max(LARGE_BYTES, LARGE_RATIO * size))
        self._inflate = zlib.decompressobj(wbits=31)
        self._pending = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()

    def readinto(self, buffer: object) -> int:
        """Fills a part of the buffer; 0 at the end of the content."""
        step()
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._next(len(view))
        except zlib.error as error:
            raise SourceError(f"{one_line(self._path)}: damaged gzip file: {error}; copy it again") from error
        self._left -= len(data)
        if self._left < 0:
            raise SourceError(f"{one_line(self._path)}: expands to more than it may; it looks like a gzip bomb")
        view[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        data = b""
        while not data and (not self._inflate.eof or self._begins_again()):
            block = self._pending or self._file.read(_BLOCK)
            if not block:
                raise SourceError(f"{one_line(self._path)}: the gzip file is cut short; copy it again")
            data = self._inflate.decompress(block, size)
            self._pending = self._inflate.unconsumed_tail
        if not data and (self._inflate.unused_data or self._file.read(1)):
            raise SourceError(f"{one_line(self._path)}: has something after its first gzip member; compress it as one")
        return data

    def _begins_again(self) -> bool:
        """Goes on to the member that follows, if any, where several are allowed."""
        rest = (self._inflate.unused_data or self._file.read(_BLOCK)) if self._several else b""
        if rest:
            self._inflate, self._pending = zlib.decompressobj(wbits=31), rest
        return bool(rest)
