"""Bilinear affine warps with the pixels of OpenCV's warpAffine, by the fastest code that gives them."""

import functools
import struct
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Image, with_channels
from imgprep.util.native import OPENCV, native_that

Coefficients: TypeAlias = tuple[float, float, float, float, float, float]
_BORDERS: Final = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT, cv2.BORDER_WRAP)
"""Those that the native code knows, by the same numbers."""
_LEVELS: Final = np.dtype(np.uint8)
_UNUSED: Final = (0, 0, 0)
_packed: Final = struct.Struct("6d").pack
_MATRICES: Final = (
    (0.9, 0.31, -2.3, -0.27, 1.13, 3.9),
    (-0.4, 0.1, 60.7, 0.2, -0.3, 33.1),
    (1.7, 0, -3.5, 0, 2.1, -40),
)
"""Turned, mirrored and reduced, enlarged and partly outside: what the native code is checked on, before."""
_TARGET: Final = (19, 37)
"""(height, width) of the result of the check: two groups of sixteen pixels, and some that are left."""


def warp_affine(
    image: Image, matrix: Coefficients, size: tuple[int, int], border: int, color: tuple[float, float, float]
) -> Image:
    """Warps by a matrix, each pixel mixed of the four around the place that it comes from.

    Args:
        image: (H, W, C) uint8 or uint16, C being 1 or 3.
        matrix: the two rows of OpenCV's, from the image to the result, from the centre of the first pixel.
        size: height and width of the result.
        border: the ``cv2.BORDER_...`` around the image.
        color: the levels of the border ``cv2.BORDER_CONSTANT``.

    Returns:
        (height, width, C) of the same dtype, equal to ``cv2.warpAffine`` with ``INTER_LINEAR`` bit for bit.
    """
    kernel = _kernel()
    if kernel is not None and image.dtype == _LEVELS and border in _BORDERS:
        warped = _by_kernel(kernel, image, matrix, size, border, color)
        if warped is not None:
            return warped
    rows = np.array(matrix).reshape(2, 3)
    # By position: keywords cost half a microsecond, a twentieth of the warp of a small image.
    return with_channels(cv2.warpAffine(image, rows, (size[1], size[0]), None, cv2.INTER_LINEAR, border, color), image)


def affine_warper() -> str:
    """The code that warps 8-bit images in this process: ``opencv``, or ours: ``native avx2``."""
    return OPENCV if _kernel() is None else "native avx2"


def _by_kernel(
    kernel: ModuleType,
    image: Image,
    matrix: Coefficients,
    size: tuple[int, int],
    border: int,
    color: tuple[float, float, float],
) -> Image | None:
    """The warped image, or None where the matrix reaches too far for it."""
    height, width, channels = image.shape
    result: Image = np.empty((*size, channels), image.dtype)
    whole = image if image.flags.c_contiguous else np.ascontiguousarray(image)
    levels = tuple(map(_rounded, color)) if border == cv2.BORDER_CONSTANT else _UNUSED
    done = kernel.warp_affine(whole, result, (height, width), size, channels, _packed(*matrix), border, levels)
    return result if done else None


def _rounded(level: float) -> int:
    """As OpenCV makes an 8-bit level of a float: halves to even, no less than 0, no more than 255."""
    return min(max(round(level), 0), 255)


@functools.cache
def _kernel() -> ModuleType | None:
    """The native code, if it is installed, wanted, works here and gives OpenCV's bits."""
    return native_that(agrees)


def agrees(kernel: ModuleType) -> bool:
    """True if this processor can run the native code, and that gives the bits of OpenCV; under two milliseconds."""
    if not getattr(kernel, "WARP", 0):  # also one that was built before it could
        return False
    for image, matrix, border in _examples():
        color = (200.0, 30.0, 128.0)
        expected = cv2.warpAffine(
            image, np.array(matrix).reshape(2, 3), _TARGET[::-1], None, cv2.INTER_LINEAR, border, color
        )
        warped = _by_kernel(kernel, image, matrix, _TARGET, border, color)
        if warped is None or not np.array_equal(warped, with_channels(expected, image)):
            return False
    return True


def _examples() -> Iterator[tuple[NDArray[np.uint8], Coefficients, int]]:
    for channels in (1, 3):
        for values in _MATRICES:
            for border in _BORDERS:
                # Knuth's multiplicative hash: levels that look like noise, without a generator to set up.
                noise: NDArray[Any] = np.arange(23 * 29 * channels, dtype=np.uint32) * np.uint32(2654435761)
                levels = (noise >> np.uint32(24)).astype(np.uint8).reshape(23, 29, channels)
                yield levels, values, border
