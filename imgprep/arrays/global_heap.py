"""Checks HDF5's global heaps, which hold strings of variable length, before HDF5 walks them.

A heap is a chain of objects, each of which gives the start of the next. HDF5 follows it to the end of the heap without
checks: an unused object of size zero, one changed byte, makes it loop for ever, out of reach of any Python signal.
Nor does HDF5 compare the length given by a row with the object that it refers to: seven rows can ask for 28 GiB.
"""

import mmap
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import h5py

from imgprep.arrays.files import map_file, refusal, regular_stamp
from imgprep.arrays.progress_hook import step

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# Signature and version; the three bytes after them are not looked at by HDF5 either.
_HEAP: Final = re.compile(rb"GCOL\x01")
_SIGNATURE: Final = 5
_WINDOW: Final = 256 << 20
# By the width of lengths in the file: the size of a heap; index and size of an object.
_WIDTHS: Final = {2: "H", 4: "I", 8: "Q"}
_SIZE: Final = MappingProxyType({width: struct.Struct(f"<8x{code}") for width, code in _WIDTHS.items()})
_OBJECT: Final = MappingProxyType({width: struct.Struct(f"<H6x{code}") for width, code in _WIDTHS.items()})
# Both headers, of the heap and of an object, are padded to this, and so is what an object holds.
_HEADER: Final = 16
_WRAP: Final = 1 << 64
_LEAST_ROOM: Final = 256 << 20
_MOST_ROOM: Final = 2 << 30
_LIMITED: Final = threading.Lock()
_CAN_LIMIT: Final = hasattr(resource, "setrlimit")


@contextmanager
def bounded_memory(size: int) -> Iterator[None]:
    """Limits the memory of this process to what the strings of a file can need; beyond it, HDF5 fails.

    Args:
        size: of the file in bytes.
    """
    if not _CAN_LIMIT:
        yield
        return
    with _LIMITED:  # two threads would put each other's limit back
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = _mapped_bytes() + min(_LEAST_ROOM + 8 * size, _MOST_ROOM)
        known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([wanted, *known]), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _mapped_bytes() -> int:
    """The address space of this process in bytes; a huge number where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - a Path costs more than the call
            return int(file.read().split()[0]) * mmap.PAGESIZE
    except OSError:
        return 1 << 48


def check_heaps(file: h5py.File) -> None:
    """Refuses a file with a heap that HDF5 would loop in; call it before reading strings of variable length.

    It scans the whole file, once per version of it (about 2 GB/s).

    Args:
        file: an open file.

    Raises:
        SourceError: there is such a heap, or the file is gone.
    """
    width = file.id.get_create_plist().get_sizes()[1]
    place = _endless(file.filename, regular_stamp(file.filename), width)
    if place is not None:
        raise refusal(file.filename, f"the heap at byte {place}", "is damaged: an object in it has no size")


@lru_cache(maxsize=64)
def _endless(path: str, stamp: tuple[int, ...], width: int) -> int | None:
    """The start of the first endless heap, or None; the stamp only identifies a version of the file."""
    if not stamp[0] or width not in _OBJECT:
        return None
    data = map_file(path)
    try:
        return next((place for place in _heaps(data) if _is_endless(data, place, width)), None)
    finally:
        data.close()


def _heaps(data: mmap.mmap) -> Iterator[int]:
    """Yields the positions that look like the start of a heap."""
    for start in range(0, len(data), _WINDOW):
        step()
        end = min(start + _WINDOW + _SIGNATURE - 1, len(data))
        yield from (found.start() for found in _HEAP.finditer(data, start, end))


def _is_endless(data: mmap.mmap, start: int, width: int) -> bool:
    if start + _HEADER > len(data):
        return False
    (size,) = _SIZE[width].unpack_from(data, start)
    end = min(start + size, len(data))
    read = _OBJECT[width].unpack_from
    place = start + _HEADER
    while place + _HEADER <= end:
        index, length = read(data, place)
        # As C computes it: 64 bits, in which a huge size wraps around to a small or no step, or to one back.
        step = (_HEADER + (length + 7 & -8) if index else length) % _WRAP
        if step == 0 or step > _WRAP // 2:
            return True
        place += step
    return False
