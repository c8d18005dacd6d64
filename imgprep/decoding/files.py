"""Reads one file whole, and only if it is a regular file of an acceptable size."""

import errno
import os
import stat
from typing import Final

from imgprep.errors import OF_ONE_FILE, ImageError, TransientError, check_surroundings
from imgprep.util.native import native_files

MAX_BYTES: Final = 1 << 30
UNKNOWN: Final = (0, 0)
_READ_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISLNK, "a symbolic link"),
)


def read_bytes(
    path: str, stamp: tuple[int, int] = UNKNOWN, max_bytes: int = MAX_BYTES, *, follow_symlinks: bool = False
) -> bytes:
    """Reads a regular file.

    The checks are made on the opened descriptor, so that nothing can be exchanged between the check and the reading.
    The file is opened without blocking: a named pipe answers at once.

    Args:
        path: may hold undecodable bytes as surrogates (``os.fsdecode``).
        stamp: (size in bytes, modification time in ns) that the file had when it was listed; another file that took
            its place since, also by a link in place of a folder, is refused.
        max_bytes: a larger file is refused before a byte of it is read.
        follow_symlinks: whether a link as the last part of the path is followed.

    Returns:
        All bytes of the file, at least one.

    Raises:
        ImageError: no such file, no permission, not a regular file, too large, empty, or changed since it was listed
            or while it was read.
    """
    native = None if follow_symlinks else native_files()
    if native is not None and (data := native.read_regular(path, *stamp, max_bytes)) is not None:
        return data  # type: ignore[no-any-return]
    try:
        descriptor = os.open(path, _READ_FLAGS if follow_symlinks else _READ_FLAGS | _NO_FOLLOW)
    except (OSError, ValueError) as error:
        _check_surroundings(path, error)
        raise ImageError(_why_not_opened(path, error)) from None
    try:
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"not a regular file but {_kind(status.st_mode)}")
        if size > max_bytes:
            raise ImageError(f"file of {size} bytes is over the limit of {max_bytes} bytes")
        if size == 0:
            raise ImageError("empty file")
        if stamp != (size, status.st_mtime_ns) and stamp != UNKNOWN:  # noqa: PLR1714 - a set costs more
            raise ImageError("file changed since it was listed; run again")
        # One byte more than expected notices a file that grew.
        data = os.read(descriptor, size + 1)
        if len(data) != size:
            data = _read_rest(descriptor, data, size)
    except OSError as error:
        _check_surroundings(path, error)
        raise ImageError(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    return data


def _read_rest(descriptor: int, start: bytes, size: int) -> bytes:
    """Goes on after a short read (the kernel gives at most 2 GiB at once)."""
    parts, length = [start], len(start)
    while length < size and (part := os.read(descriptor, size + 1 - length)):
        parts.append(part)
        length += len(part)
    if length != size:
        raise ImageError(f"file changed while it was read: {length} bytes instead of {size}")
    return b"".join(parts)


def _check_surroundings(path: str, error: Exception) -> None:
    """Of what is no fault of the file: a bad spot of the disk costs it until the next run, a limit ends the run."""
    if isinstance(error, OSError):
        if error.errno in OF_ONE_FILE:
            raise TransientError(f"cannot be read: {error.strerror}") from None
        check_surroundings(error, path)


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "a special file")


def _why_not_opened(path: str, error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return "path holds a NUL or cannot be encoded"
    if error.errno in {errno.ELOOP, getattr(errno, "EMLINK", errno.ELOOP)}:
        return "symbolic link that is not followed, or a loop of links"
    if error.errno == errno.ENOENT:
        return "file vanished or is a dangling link"
    if error.errno in {errno.ENXIO, errno.EOPNOTSUPP}:
        try:
            return f"not a regular file but {_kind(os.lstat(path).st_mode)}"
        except OSError:
            return "not a regular file"
    return f"cannot be opened: {error.strerror}"
