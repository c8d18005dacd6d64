"""Gzip files of unknown origin: one member, complete, checked, and no larger than asked for."""

import io
import tempfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO, Final

from imgprep.arrays.files import LARGE_BYTES, LARGE_RATIO, MAX_EXPANDED_BYTES
from imgprep.arrays.progress_hook import step
from imgprep.errors import RequestError, ResourceError, SourceError, check_surroundings, one_line

_BLOCK: Final = 1 << 18


class GzipReader(io.RawIOBase):
    """The content of a gzip file, as a stream.

    Raises:
        SourceError: while reading: it is cut, damaged, has several members or bytes after its end, or expands to more
            than `MAX_EXPANDED_BYTES` bytes or `LARGE_RATIO` times its size.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = min(MAX_EXPANDED_BYTES, max(LARGE_BYTES, LARGE_RATIO * path.stat().st_size))
        self._file = path.open("rb")
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
        while not data and not self._inflate.eof:
            block = self._pending or self._file.read(_BLOCK)
            if not block:
                raise SourceError(f"{one_line(self._path)}: the gzip file is cut short; copy it again")
            data = self._inflate.decompress(block, size)
            self._pending = self._inflate.unconsumed_tail
        if not data and (self._inflate.unused_data or self._file.read(1)):
            raise SourceError(f"{one_line(self._path)}: has something after its first gzip member; compress it as one")
        return data


def check_regular(path: Path) -> None:
    """Refuses what is no regular file: opening a pipe would block for ever.

    Raises:
        RequestError: there is no such file, or it is something else.
    """
    if not path.is_file():
        raise RequestError(f"{one_line(path)}: no such file; check source.path")


def open_plain(path: Path) -> BinaryIO:
    """Opens a file for reading from start to end, expanded if its name ends in ``.gz``.

    Raises:
        RequestError: there is no such file.
        ResourceError: it may not be read.
    """
    check_regular(path)
    try:
        if path.suffix.lower() == ".gz":
            return io.BufferedReader(GzipReader(path), _BLOCK)
        return path.open("rb", buffering=_BLOCK)
    except OSError as error:
        check_surroundings(error, path)
        raise ResourceError(f"{one_line(path)}: cannot be opened: {error.strerror}; give permission") from error


def open_seekable(path: Path) -> IO[bytes]:
    """Opens a file for reading anywhere in it; a ``.gz`` is expanded into an unnamed temporary file.

    Raises:
        RequestError: there is no such file.
        SourceError: the gzip file is damaged.
        ResourceError: no permission, or no space for the temporary file.
    """
    plain = open_plain(path)
    if path.suffix.lower() != ".gz":
        return plain
    with plain:
        try:
            expanded = tempfile.TemporaryFile(prefix="imgprep-")  # noqa: SIM115  (the caller closes it)
            try:
                while block := plain.read(_BLOCK):
                    expanded.write(block)
                expanded.flush()
            except BaseException:
                expanded.close()
                raise
        except OSError as error:
            raise ResourceError(f"{one_line(path)}: cannot be expanded: {error.strerror}; set TMPDIR") from error
    return expanded
