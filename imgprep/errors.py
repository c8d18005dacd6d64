"""The one tree of errors; each class carries the exit code of the command line.

Every message is one line of what is wrong, where, and what to do about it.
"""

import errno
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final


class ImgprepError(Exception):
    """Whatever imgprep refuses or cannot do."""

    exit_code = 1


class RequestError(ImgprepError):
    """The request is wrong: command line, spec, or a table the spec names. Nothing was written."""

    exit_code = 2


class SourceError(ImgprepError):
    """The source as a whole is refused: a corrupt or hostile container."""

    exit_code = 4


class ResourceError(ImgprepError):
    """The surroundings failed: disk full, no permission, another run holds the output."""

    exit_code = 5


class ImageError(ImgprepError):
    """One image cannot be used. The run continues; the image is quarantined with this one-line reason."""


class TransientError(ImageError):
    """One image cannot be had now, but perhaps the next time: nothing that was made without it is kept as finished.

    Its server does not answer, or there is no memory left for it.
    """


def _known(**remedies: str) -> Mapping[int, str]:
    """By the numbers of those errors that this system has."""
    return MappingProxyType({getattr(errno, name): text for name, text in remedies.items() if hasattr(errno, name)})


REMEDIES: Final = _known(
    EMFILE="raise the limit on open files (ulimit -n 1024), then rerun the same command",
    ENFILE="the whole system has too many: close programs or raise fs.file-max, then rerun the same command",
    ENOMEM="raise execution.memory_limit, use fewer workers (--workers) or free memory, then rerun the same command",
    ENOSPC="free space on the disk, then rerun the same command",
    EDQUOT="free space or raise the quota, then rerun the same command",
    EFBIG="raise the limit on file sizes (ulimit -f), then rerun the same command",
    EROFS="make it writable or give another --output",
    EIO="check the disk or the connection to it, then rerun the same command",
    EREMOTEIO="check the disk or the connection to it, then rerun the same command",
    ESTALE="the network file system lost it: mount it again, then rerun the same command",
    ENOTCONN="the file system is not connected: mount it again, then rerun the same command",
    ETIMEDOUT="check the connection to the file system, then rerun the same command",
    EHOSTDOWN="check the connection to the file system, then rerun the same command",
    ENOLCK="put it on a file system that can lock files",
)
"""Errno -> advice, for system errors that neither a file nor the program causes."""
OF_ONE_FILE: Final = frozenset({errno.EIO, getattr(errno, "EREMOTEIO", errno.EIO), getattr(errno, "ESTALE", errno.EIO)})
"""Those that may be about a single file, while others can be read."""


def check_surroundings(error: Exception, where: object = None) -> None:
    """Does nothing when the file itself may be to blame for an error of the system.

    Args:
        error: what was raised; only errors of the system are looked at.
        where: the file; that of the error when left out.

    Raises:
        ResourceError: it is a limit, a disk or a network that failed, and what to do about it.
    """
    remedy = REMEDIES.get(error.errno or 0) if isinstance(error, OSError) else None
    if isinstance(error, OSError) and remedy is not None:
        place = one_line(where if where is not None else error.filename or "temporary files")
        said = one_line(error.strerror or error).partition(" (")[0]
        raise ResourceError(f"{place}: {said}: {remedy}") from error


_ADDRESS: Final = re.compile(r"^([a-z][a-z0-9+.-]+):/(?=[^/])")
"""The address of an object store, as a path has it."""


def one_line(text: object, limit: int = 300) -> str:
    r"""Makes any text safe to print as one line: control characters are escaped, long text is cut.

    >>> one_line("a\nb")
    'a\\nb'
    """
    safe = _ADDRESS.sub(r"\1://", str(text)) if isinstance(text, Path) else str(text)
    if not safe.isprintable():
        safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in safe)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"
