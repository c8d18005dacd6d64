"""A lock on an open file, exclusive or shared, released by the system when the process ends, however it ends."""

import errno
import importlib
import os
from typing import IO, Any, Final


def _module(name: str) -> Any:
    """Imports a module that not every system has; None where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


fcntl: Final = _module("fcntl")
msvcrt: Final = _module("msvcrt")
HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
"""Error numbers when another process holds the lock; any other number means that locks do not work."""
_PLACE: Final = 1 << 30
"""Windows makes locked bytes unreadable; locking far beyond the end keeps the name of the holder readable."""


def can_lock() -> bool:
    """Returns whether this system supports file locks; a file system may still lack them."""
    return fcntl is not None or msvcrt is not None


def lock(file: IO[str], *, shared: bool = False) -> None:
    """Locks a file for this process, without waiting.

    Args:
        file: open for writing.
        shared: let other processes hold it shared too. Windows has no such locks: there it is exclusive all the same.

    Raises:
        OSError: with a number in `HELD` when another process holds the lock; else the file cannot be locked.
    """
    if fcntl is not None:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    elif msvcrt is not None:
        descriptor = file.fileno()
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        raise OSError(errno.ENOSYS, "this Python has no locks on files")
