"""Checks, mapping and error messages shared by HDF5 and npz files."""

import errno
import math
import mmap
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import ResourceError, SourceError, check_surroundings, one_line

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# Deflate cannot expand more than 1032 times; a file that declares more is not genuine.
MAX_RATIO: Final = 1100
# Below this much a high ratio is harmless (a few thousand equal labels).
SMALL_BYTES: Final = 16 << 20
# Images compress to a tenth, perhaps a fiftieth; below LARGE_BYTES the ratio does not matter.
LARGE_RATIO: Final = 200
LARGE_BYTES: Final = 256 << 20
MAX_EXPANDED_BYTES: Final = 4 << 30
NUMBERS: Final = "buif"
_MORE_MEMORY: Final = (
    "there is not enough memory to read it: raise execution.memory_limit or use fewer workers (--workers)"
)


@contextmanager
def refusing(path: str) -> Iterator[None]:
    """Turns exceptions of h5py, zipfile and numpy about a damaged file into a `SourceError` that names it."""
    try:
        yield
    except PermissionError as error:
        raise ResourceError(f"{one_line(path)}: no permission to read it") from error
    except FileNotFoundError as error:
        raise SourceError(f"{one_line(path)}: the file is missing") from error
    except MemoryError as error:
        raise ResourceError(f"{one_line(path)}: {_MORE_MEMORY}") from error
    except (
        *(
            OSError,
            RuntimeError,
            ValueError,
            TypeError,
            LookupError,
            ArithmeticError,
            EOFError,
            SyntaxError,
        ),
        *(struct.error, zipfile.BadZipFile, zlib.error),
    ) as error:
        check_surroundings(error, path)
        raise SourceError(f"{one_line(path)}: cannot be read: {one_line(error)}") from error


def refusal(path: str, name: str, reason: str) -> SourceError:
    """The error for one object of a file: ``path: name reason``."""
    return SourceError(f"{one_line(path)}: {one_line(name, 80)} {reason}")


def is_bomb(declared: int, stored: int, small: int = 0) -> bool:
    """Returns whether the declared size is implausible for the number of stored bytes.

    Args:
        declared: bytes after expansion.
        stored: bytes in the file.
        small: number of bytes after expansion up to which MAX_RATIO is not applied.

    >>> is_bomb(1 << 20, 1 << 10), is_bomb(1 << 30, 1 << 20), is_bomb(1 << 21, 1 << 10)
    (False, True, True)
    """
    return declared > max(small, MAX_RATIO * stored) or declared > max(LARGE_BYTES, LARGE_RATIO * stored)


def regular_size(path: str) -> int:
    """The size of a regular file in bytes; anything else (a pipe would block for ever) is a `SourceError`."""
    status = os.stat(path)  # noqa: PTH116 - a Path costs more than the call
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise SourceError(f"{one_line(path)}: is {kind}; give a file of arrays")
    if is_hollow(status):
        raise SourceError(f"{one_line(path)}: is almost nothing but a hole of {status.st_size:,} bytes")
    return status.st_size


def is_hollow(status: os.stat_result) -> bool:
    """True if a file is sparse, with next to none of its bytes on disk, so that its size costs nothing to claim."""
    # Some network file systems report 0 for every file.
    stored = 512 * getattr(status, "st_blocks", 0)
    return stored > 0 and status.st_size > max(LARGE_BYTES, LARGE_RATIO * stored)


def regular_stamp(path: str) -> tuple[int, int, int]:
    """(size in bytes, inode, modification time in ns) of a regular file, to notice a change.

    Raises:
        SourceError: it is missing, or no regular file.
    """
    with refusing(path):
        size = regular_size(path)
        status = os.stat(path)  # noqa: PTH116 - a Path costs more than the call
    return size, status.st_ino, status.st_mtime_ns


class ArrayLocation(NamedTuple):
    """The place of an array that lies uncompressed and in one piece in a file.

    Attributes:
        path: the file.
        dtype: of the array, in the stored byte order.
        shape: of the array.
        offset: of its first byte in the file.
        fortran_order: whether the first axis varies fastest.
    """

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    fortran_order: bool = False

    def map(self, file: mmap.mmap | None = None) -> NDArray[Any]:
        """The array as a read-only view of the mapped file; it stays valid after every file object is closed.

        Args:
            file: from `map_file`; arrays of one file can share it, as each map keeps a descriptor open.

        Raises:
            SourceError: the file is missing or has become shorter.
        """
        with refusing(self.path):
            if math.prod(self.shape) == 0:
                return np.empty(self.shape, self.dtype)
            mapped = map_file(self.path) if file is None else file
            return np.ndarray(self.shape, self.dtype, mapped, self.offset, order="F" if self.fortran_order else "C")


def map_file(path: str) -> mmap.mmap:
    """Maps a whole file for reading.

    Raises:
        SourceError: it is missing or empty.
        ResourceError: there is no permission to read it.
    """
    with refusing(path), open(path, "rb") as file:  # noqa: PTH123 - a Path costs more than the call
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            size = os.fstat(file.fileno()).st_size
            if error.errno != errno.ENOMEM or not _widen(size):
                raise
        try:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except BaseException:
            _widen(-size)
            raise
        finalize(mapped, _widen, -size)
        return mapped


def _widen(size: int) -> bool:
    """Raises this process's limit of address space by `size` bytes; returns whether it did.

    Only address space can be limited, and a mapped file takes none of the memory that the limit is meant for.
    """
    if not hasattr(resource, "setrlimit"):
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = soft + size
    if soft == resource.RLIM_INFINITY or (hard != resource.RLIM_INFINITY and wanted > hard):
        return False
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    return True
