"""An exclusive lock on an open file, which the system takes back when the process ends, however it ends."""

import errno
import importlib
import os
from typing import IO, Any, Final


def _module(name: str) -> Any:
    """A module that not every system has; None where it is not."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


fcntl: Final = _module("fcntl")
msvcrt: Final = _module("msvcrt")
HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
"""What the system says where somebody else holds the lock; all else is about locks as such."""
_PLACE: Final = 1 << 30
"""Windows locks bytes, and nobody can read those; far behind the end, who holds the file can still be read."""


def can_lock() -> bool:
    """Whether this system has locks on files; a file system may still have none."""
    return fcntl is not None or msvcrt is not None


def lock(file: IO[str]) -> None:
    """Locks a file for this process, without waiting.

    Args:
        file: open for writing.

    Raises:
        OSError: with a number in `HELD`, when somebody else has it; with another, when it cannot be locked at all.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif msvcrt is not None:
        descriptor = file.fileno()
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        raise OSError(errno.ENOSYS, "this Python has no locks on files")
