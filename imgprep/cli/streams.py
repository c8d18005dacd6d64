"""Standard output and standard error of the process: there in any case, and their failures told from all others.

What cannot be printed as a result ends the command; what cannot be said to people is not said.
"""

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

from imgprep.errors import ResourceError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OUTPUT: Final = 1
ERROR: Final = 2
# How what is missing is opened: reading ends at once, results cannot be written, and messages go nowhere.
_MODES: Final = (os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)


class PipeClosed(BaseException):
    """Nobody reads on. No `OSError`, because typer would take that for itself and end the process with status 1."""


def install() -> None:
    """Makes the streams of this process such streams; done once, before anything is opened or printed."""
    if sys.platform == "win32":  # the console of Windows is no file that bytes are written to
        return
    _fill()
    sys.stdout = _text(OUTPUT, sys.stdout)
    sys.stderr = _text(ERROR, sys.stderr)


def _fill() -> None:
    """Opens the descriptors that are closed: the next file would get their numbers, and what is printed its content."""
    for descriptor, mode in enumerate(_MODES):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest free number is this one


def _text(descriptor: int, old: TextIO | None) -> TextIO:
    """A stream like the one that Python made, which is None where the descriptor was closed."""
    encoding, errors = (old.encoding, old.errors) if old is not None else ("utf-8", "backslashreplace")
    raw = _Descriptor(descriptor, "w", closefd=False)
    line_buffering = descriptor == ERROR or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=line_buffering)


class _Descriptor(io.FileIO):
    """Writes to a descriptor; after the first failure, to nowhere, so that there is one."""

    _lost = False

    def write(self, data: "ReadableBuffer", /) -> int:
        """As much as is taken.

        Raises:
            PipeClosed: nobody reads on.
            ResourceError: what is printed cannot be written.
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
