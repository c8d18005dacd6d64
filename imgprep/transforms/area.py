"""Shrinking by the mean of areas, with the pixels of OpenCV's INTER_AREA, by the fastest code that gives them."""

import functools
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Image, with_channels
from imgprep.util.native import OPENCV, native_that

_WIDE: Final[dict[Any, bool]] = {np.dtype(np.uint8): False, np.dtype(np.uint16): True}
_CHECKED: Final = (((23, 31), (7, 11)), ((40, 17), (13, 17)), ((9, 64), (9, 23)), ((37, 50), (1, 3)))
"""(height, width) of the arrays that the native code is checked on, before and after."""


def resize_area(image: Image, size: tuple[int, int]) -> Image:
    """Shrinks to (height, width), each pixel the mean of the area that it covers.

    Args:
        image: (H, W, C) uint8 or uint16.
        size: height and width, neither over the image's.

    Returns:
        (height, width, C) of the same dtype, equal to ``cv2.resize`` with ``INTER_AREA`` bit for bit.
    """
    kernel = _kernel()
    if kernel is None or not _is_general(image, size):
        return with_channels(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA), image)
    return _by_kernel(kernel, image, size)


def area_resizer() -> str:
    """The code that shrinks in this process: ``opencv``, or the instructions of ours: ``native avx2`` and so on."""
    kernel = _kernel()
    return OPENCV if kernel is None else f"native {kernel.INSTRUCTIONS}"


def _is_general(image: Image, size: tuple[int, int]) -> bool:
    """True if the shape is none of OpenCV's special cases: whole-number factors and enlarging have their own code."""
    height, width, channels = image.shape
    rows, columns = size
    return (
        (height % rows != 0 or width % columns != 0)
        and rows <= height
        and columns <= width
        and (channels == 3 or channels == 1)  # noqa: PLR1714 - a set costs more, and this is asked for each image
        and image.dtype in _WIDE
    )


def _by_kernel(kernel: ModuleType, image: Image, size: tuple[int, int]) -> Image:
    height, width, channels = image.shape
    result: Image = np.empty((*size, channels), image.dtype)
    whole = image if image.flags.c_contiguous else np.ascontiguousarray(image)
    kernel.resize_area(whole, result, (height, width), tuple(size), channels, _WIDE[image.dtype])
    return result


@functools.cache
def _kernel() -> ModuleType | None:
    """The native code, if it is installed, wanted, and gives OpenCV's bits on this machine."""
    return native_that(agrees)


def agrees(kernel: ModuleType) -> bool:
    """True if the native code gives the bits of OpenCV on a few small arrays of each kind; under two milliseconds."""
    for image, size in _examples():
        expected = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
        if not np.array_equal(_by_kernel(kernel, image, size), with_channels(expected, image)):
            return False
    return True


def _examples() -> Iterator[tuple[NDArray[Any], tuple[int, int]]]:
    for shape, size in _CHECKED:
        for channels in (1, 3):
            count = shape[0] * shape[1] * channels
            # Knuth's multiplicative hash: levels that look like noise, without a generator to set up.
            noise = (np.arange(count, dtype=np.uint32) * np.uint32(2654435761)).reshape(*shape, channels)
            yield (noise >> np.uint32(24)).astype(np.uint8), size
            yield (noise >> np.uint32(16)).astype(np.uint16), size
