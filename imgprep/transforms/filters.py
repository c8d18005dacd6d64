"""Blurring filters, for 8 and 16 bits."""

import dataclasses
from typing import Annotated

import annotated_types as at
import cv2
import numpy as np

from imgprep.transforms.base import Image, ShapeKept, with_channels

_WINDOW_BYTES = 1 << 24
"""Bytes that the windows of one band of rows may take in `median_blur`."""


def gaussian_blur(image: Image, sigma: float) -> Image:
    """Blurs with a Gaussian of deviation `sigma` pixels, cut off at 4 sigma, mirrored at the border (abc|cba).

    Equal to ``scipy.ndimage.gaussian_filter`` and to scikit-image's ``gaussian(..., mode="reflect")``, rounded to the
    nearest level (within 0.51 of the exact value). A sigma of 0 gives the image itself.
    """
    side = 2 * int(4 * sigma + 0.5) + 1
    if side == 1:
        return image
    kernel = cv2.getGaussianKernel(side, sigma, cv2.CV_32F)
    # cv2.GaussianBlur would round the kernel to 8 bits for 8-bit images, which is off by more than a level.
    blurred = cv2.sepFilter2D(image, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    return with_channels(np.rint(blurred).astype(image.dtype), image)


def median_blur(image: Image, radius: int) -> Image:
    """Replaces each level by the median of a square of side 2 * radius + 1, the border pixels repeated outwards.

    Equal to ``scipy.ndimage.median_filter(..., mode="nearest")``. OpenCV knows 16 bits up to a radius of 2; beyond
    that numpy selects the middle of each window, which is some hundred times slower.
    """
    if image.dtype == np.uint8 or radius <= 2:
        return with_channels(cv2.medianBlur(image, 2 * radius + 1), image)
    height, width, channels = image.shape
    side = 2 * radius + 1
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    result = np.empty_like(image)
    band = max(1, _WINDOW_BYTES // (width * channels * side**2 * image.itemsize))
    middle = side**2 // 2
    for start in range(0, height, band):
        flat = windows[start : start + band].reshape(-1, width, channels, side**2)
        result[start : start + band] = np.partition(flat, middle, axis=-1)[..., middle]
    return result


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GaussianBlur(ShapeKept):
    """Step: blurs with a Gaussian, see `gaussian_blur`.

    Attributes:
        sigma: deviation in pixels.
    """

    sigma: Annotated[float, at.Gt(0), at.Le(100)] = 1.0

    def __call__(self, image: Image) -> Image:
        """Blurs."""
        return gaussian_blur(image, self.sigma)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MedianBlur(ShapeKept):
    """Step: takes the median of the surroundings, see `median_blur`.

    Attributes:
        radius: of the square of side 2 * radius + 1.
    """

    radius: Annotated[int, at.Ge(1), at.Le(50)] = 1

    def __call__(self, image: Image) -> Image:
        """Takes the median."""
        return median_blur(image, self.radius)
