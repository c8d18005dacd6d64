"""Standard output and standard error: always open, with failures distinct from all other errors.

A failure to write a result ends the command; failed writes to standard error are ignored.
"""

import io
import os
import pathlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from imgprep.errors import ResourceError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OUTPUT: Final = 1
ERROR: Final = 2
# Modes for opening missing streams: reading ends at once, results cannot be written, and messages go nowhere.
_MODES: Final = (os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)


class PipeClosed(BaseException):
    """The reader of the output is gone. Not an `OSError`, which typer would handle by exiting with status 1."""


def install() -> None:
    """Replaces the streams of this process; call it once, before anything is opened or printed."""
    if sys.platform == "win32":  # the console of Windows is no file that bytes are written to
        return
    _fill()
    sys.stdout = _text(OUTPUT, sys.stdout)
    sys.stderr = _text(ERROR, sys.stderr)


@contextmanager
def libraries_silenced() -> Iterator[None]:
    """Keeps from standard error what the libraries print that decode images: their errors are told by ours."""
    sys.stderr.flush()
    with pathlib.Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(ERROR)
        os.dup2(nowhere.fileno(), ERROR)
    try:
        yield
    finally:
        os.dup2(kept, ERROR)
        os.close(kept)


def _fill() -> None:
    """Opens the descriptors that are closed: the next file would get their numbers, and what is printed its content."""
    for descriptor, mode in enumerate(_MODES):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest free number is this one


def _text(descriptor: int, old: TextIO | None) -> TextIO:
    """A stream like Python's own, which is None where the descriptor was closed."""
    encoding, errors = (old.encoding, old.errors) if old is not None else ("utf-8", "backslashreplace")
    raw = _Descriptor(descriptor, "w", closefd=False)
    line_buffering = descriptor == ERROR or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=line_buffering)


class _Descriptor(io.FileIO):
    """Writes to a descriptor; after the first failure, discards everything, so that only one error is raised."""

    _lost = False

    def write(self, data: "ReadableBuffer", /) -> int:
        """Writes as much as the descriptor accepts; returns the number of bytes.

        Raises:
            PipeClosed: the reader is gone.
            ResourceError: a result cannot be written.
        """
        size = memoryview(data).nbytes
        if self._lost:
            return size
        try:
            return super().write(data)
        except BrokenPipeError:
            self._lost = True
            raise PipeClosed from None
        except OSError as error:
            self._lost = True
            if self.fileno() == OUTPUT:
                raise ResourceError(f"standard output: cannot write: {error.strerror}; send it elsewhere") from error
            return size
