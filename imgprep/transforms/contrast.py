"""Steps that change levels by what the image holds: stretching, equalisation, thresholds, grey, inversion.

Colour images are equalised on their luminance: Y of YCrCb is changed and Cr and Cb are kept, which adds the same
difference to red, green and blue (ITU-R BT.601), so no colour is lost to a conversion and back.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types as at
import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Image, Level, Ordered, Shape, ShapeKept, top, with_channels
from imgprep.transforms.channels import to_gray
from imgprep.transforms.levels import histogram, map_levels, percentiles

Percent = Annotated[float, at.Ge(0), at.Le(100)]
Percents = Annotated[tuple[Percent, Percent], Ordered()]
Tiles = Annotated[int, at.Ge(1), at.Le(64)]


def contrast_stretch(image: Image, low: float = 2, high: float = 98) -> Image:
    """Stretches the levels between two percentiles over the whole depth; what lies outside saturates.

    ``round((x - p_low) / (p_high - p_low) * max)``, the percentiles of all channels together. An image whose
    percentiles coincide comes back as it is. Within one level of scikit-image's
    ``rescale_intensity``, which truncates.
    """
    bottom, ceiling = percentiles(histogram(image), (low, high))
    if ceiling <= bottom:
        return image
    levels = np.arange(top(image) + 1, dtype=np.float64)
    return map_levels(image, (levels - bottom) / (ceiling - bottom) * top(image))


def percentile_clip(image: Image, low: float = 2, high: float = 98) -> Image:
    """Limits the levels to those between two percentiles of all channels together, rounded to whole levels."""
    bottom, ceiling = (round(level) for level in percentiles(histogram(image), (low, high)))
    return with_channels(np.clip(image, bottom, ceiling, dtype=image.dtype), image)


def equalize(image: Image) -> Image:
    """Spreads the levels so that their cumulative histogram is a straight line.

    ``round((cdf(x) - cdf(min)) / (N - cdf(min)) * max)``, 256 or 65536 bins; on the luminance of a colour image.
    Equal to ``cv2.equalizeHist`` for 8-bit grey images, to one level.
    """
    return _on_luminance(image, _equalize_gray)


def _equalize_gray(image: Image) -> Image:
    cumulative = np.cumsum(histogram(image))
    lowest = int(cumulative[int(image.min())])
    total = int(cumulative[-1])
    if lowest == total:
        return image
    return map_levels(image, (cumulative - lowest) / (total - lowest) * top(image))


def clahe(image: Image, clip: float = 2.0, tiles: tuple[int, int] = (8, 8)) -> Image:
    """Equalises locally with limited contrast (Zuiderveld 1994, as OpenCV implements it), 8 and 16 bits.

    Args:
        image: (H, W, C); a colour image on its luminance.
        clip: the most that a level of a tile may count, in multiples of the mean count, but at least once; so it hardly
            limits 16-bit images, whose tiles have fewer pixels than levels.
        tiles: how many tiles the image is divided into, rows and columns.
    """
    filter_ = cv2.createCLAHE(clipLimit=clip, tileGridSize=(tiles[1], tiles[0]))
    return _on_luminance(image, lambda gray: with_channels(filter_.apply(gray), gray))


def threshold(image: Image, level: float) -> Image:
    """Makes white (the highest level) of what is brighter than `level`, black of the rest; colour by luminance.

    Equal to ``image > level`` in numpy and scikit-image. An RGB image keeps three (equal) channels.
    """
    return _binary(to_gray(image) > level, image)


def otsu_level(gray: Image) -> int:
    """Finds the level that separates a grey image best (Otsu 1979), from a histogram of every level.

    The first level that maximises the variance between the classes ``<= level`` and ``> level``; equal to
    ``skimage.filters.threshold_otsu``. The level of a constant image is its own.
    """
    counts = histogram(gray)
    low, high = int(gray.min()), int(gray.max())
    if low == high:
        return low
    counts = counts[low : high + 1]
    levels = np.arange(low, high + 1)
    below, weighted = np.cumsum(counts)[:-1], np.cumsum(counts * levels)
    above = below[-1] + counts[-1] - below
    means = weighted[:-1] / below - (weighted[-1] - weighted[:-1]) / above
    return low + int(np.argmax(below.astype(np.float64) * above * means**2))


def otsu(image: Image) -> Image:
    """Thresholds at the level of `otsu_level`."""
    gray = to_gray(image)
    return _binary(gray > otsu_level(gray), image)


def adaptive(image: Image, radius: int = 17, offset: float = 0) -> Image:
    """Makes white of what is brighter than the mean of its surroundings less `offset`.

    The surroundings are a square of side 2 * radius + 1, mirrored at the border; the comparison is exact. Equal to
    ``image > skimage.filters.threshold_local(image, side, "mean", offset)``.
    """
    gray = to_gray(image)
    side = 2 * radius + 1
    sums = cv2.boxFilter(gray, cv2.CV_64F, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT)
    return _binary(gray.astype(np.float64) * side**2 > sums.reshape(gray.shape) - offset * side**2, image)


def invert(image: Image) -> Image:
    """Returns the negative: max - x."""
    return with_channels(cv2.bitwise_not(image), image)


def _binary(white: NDArray[np.bool_], like: Image) -> Image:
    result = np.where(white, like.dtype.type(top(like)), like.dtype.type(0))
    return with_channels(np.repeat(result, like.shape[2], axis=2), like)


def _on_luminance(image: Image, function: Callable[[Image], Image]) -> Image:
    if image.shape[2] == 1:
        return function(image)
    gray = to_gray(image)
    difference = np.subtract(function(gray), gray, dtype=np.int32)
    return with_channels(np.clip(image + difference, 0, top(image)).astype(image.dtype), image)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _BetweenPercentiles(ShapeKept):
    """Base of steps.

    Attributes:
        percentiles: low and high, 0..100.
    """

    percentiles: Percents = (2, 98)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ContrastStretch(_BetweenPercentiles):
    """Step: stretches the levels between two percentiles over the whole depth, see `contrast_stretch`."""

    def __call__(self, image: Image) -> Image:
        """Stretches."""
        return contrast_stretch(image, *self.percentiles)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PercentileClip(_BetweenPercentiles):
    """Step: limits the levels to those between two percentiles, see `percentile_clip`."""

    def __call__(self, image: Image) -> Image:
        """Clips."""
        return percentile_clip(image, *self.percentiles)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Equalize(ShapeKept):
    """Step: equalises the histogram, of colour images that of the luminance, see `equalize`."""

    def __call__(self, image: Image) -> Image:
        """Equalises."""
        return equalize(image)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clahe(ShapeKept):
    """Step: equalises locally with limited contrast, see `clahe`.

    Attributes:
        clip: the most that a level of a tile may count, in multiples of the mean count.
        tiles: rows and columns of tiles.
    """

    clip: Annotated[float, at.Gt(0)] = 2.0
    tiles: tuple[Tiles, Tiles] = (8, 8)

    def __call__(self, image: Image) -> Image:
        """Equalises."""
        return clahe(image, self.clip, self.tiles)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gray(ShapeKept):
    """Step: converts to grey, see `channels.to_gray`."""

    def __call__(self, image: Image) -> Image:
        """Converts."""
        return to_gray(image)

    def output_shape(self, shape: Shape) -> Shape:
        """Leaves one channel."""
        return shape[0], shape[1], 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(ShapeKept):
    """Step: black and white, see `threshold`, `otsu` and `adaptive`.

    Attributes:
        method: ``value``, ``otsu`` or ``adaptive``.
        value: for ``value``: what is brighter becomes white, in the image's own scale; null is the middle (127.5 for
            8 bits).
        radius: for ``adaptive``: of the surroundings, a square of side 2 * radius + 1.
        offset: for ``adaptive``: taken off the mean of the surroundings.
    """

    method: Literal["value", "otsu", "adaptive"] = "value"
    value: Level | None = None
    radius: Annotated[int, at.Ge(1), at.Le(1000)] = 17
    offset: float = 0

    def __call__(self, image: Image) -> Image:
        """Thresholds."""
        if self.method == "otsu":
            return otsu(image)
        if self.method == "adaptive":
            return adaptive(image, self.radius, self.offset)
        return threshold(image, top(image) / 2 if self.value is None else self.value)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InvertStep(ShapeKept):
    """Step: gives the negative, max - x."""

    def __call__(self, image: Image) -> Image:
        """Inverts."""
        return invert(image)
