"""The CRC-32 of rows: that of zlib, by the fastest code that gives it."""

import functools
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Final

from imgprep.util.native import native_that

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHECKED: Final = (0, 1, 15, 16, 63, 64, 65, 79, 80, 127, 128, 143, 200, 1027)
"""Lengths of the texts that the native code is checked on: some of each way through it."""


def crc32(content: "Buffer", before: int = 0) -> int:
    """The CRC-32 of bytes, equal to ``zlib.crc32``.

    Args:
        content: a C-contiguous buffer.
        before: the CRC-32 of what comes before it; 0 for nothing.
    """
    return _fastest()(content, before)


@functools.cache
def _fastest() -> "Callable[[Buffer, int], int]":
    """The native code, if it is installed, wanted, works here and agrees with zlib; else zlib."""
    kernel = native_that(agrees)
    return zlib.crc32 if kernel is None else kernel.crc32


def agrees(kernel: ModuleType) -> bool:
    """True if this processor can run the native code, and that gives the sums of zlib."""
    if not getattr(kernel, "CRC32", 0):  # also one that was built before it could
        return False
    text = bytes(number * 181 % 251 for number in range(max(_CHECKED)))
    return all(
        kernel.crc32(text[:length], before) == zlib.crc32(text[:length], before)
        for length in _CHECKED
        for before in (0, 0xDEADBEEF)
    )
