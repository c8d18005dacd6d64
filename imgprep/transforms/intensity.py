"""Transforms of levels and colours. All saturate at the ends of the depth and round to the nearest level."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Annotated

import annotated_types as at
import cv2
import numpy as np

from imgprep.transforms.base import (
    Image,
    Params,
    PositiveRange,
    Range,
    Shape,
    ShareRange,
    Transform,
    Uniform,
    UnsignedRange,
    between,
    top,
    with_channels,
)
from imgprep.transforms.contrast import invert
from imgprep.transforms.levels import map_levels

InnerShare = Annotated[float, at.Gt(0), at.Lt(1)]


def brightness(image: Image, alpha: float, beta: float = 0.0) -> Image:
    """Returns alpha x + beta: alpha is the contrast, beta the brightness in levels (Handbook, part 7).

    Unlike ``cv2.convertScaleAbs``, negative results become 0, not their absolute value.
    """
    if alpha == 1 and beta == 0:
        return image
    return with_channels(cv2.addWeighted(image, alpha, image, 0, beta), image)


def channel_affine(image: Image, gains: Sequence[float], offsets: Sequence[float]) -> Image:
    """Returns gain x + offset with its own numbers for each channel.

    Args:
        image: (H, W, C).
        gains: C factors.
        offsets: C levels.
    """
    matrix = np.column_stack((np.diag(gains), offsets))
    return with_channels(cv2.transform(image, matrix), image)


def gamma(image: Image, exponent: float, values: tuple[float, float] = (0.0, 1.0)) -> Image:
    """Bends the levels of a range: low + (high - low) ((x - low) / (high - low)) ** exponent inside it.

    Args:
        image: (H, W, C).
        exponent: under 1 brightens, over 1 darkens.
        values: the range, in shares of the depth; levels outside it, and its ends, stay as they are.
    """
    low, high = (share * top(image) for share in values)
    if exponent == 1 or high <= low:
        return image
    levels = np.arange(top(image) + 1, dtype=np.float64)
    bent = low + (high - low) * (np.clip(levels - low, 0, high - low) / (high - low)) ** exponent
    return map_levels(image, np.where((levels > low) & (levels < high), bent, levels))


def range_gain(image: Image, bounds: Sequence[float], factors: Sequence[float]) -> Image:
    """Multiplies each level by the factor of the range that it lies in (Handbook, part 7), each level once.

    Args:
        image: (H, W, C).
        bounds: K rising shares of the depth that part the ranges; a level on a bound belongs to the range above it.
        factors: K + 1 factors, of the darkest range first.
    """
    if all(factor == 1 for factor in factors):
        return image
    levels = np.arange(top(image) + 1, dtype=np.float64)
    ranges = np.searchsorted(np.asarray(bounds, np.float64) * top(image), levels, side="right")
    return map_levels(image, np.minimum(levels * np.asarray(factors, np.float64)[ranges], top(image)))


def hue_saturation(image: Image, degrees: float, factor: float) -> Image:
    """Turns the hue by degrees on the colour circle and multiplies the saturation, in HSV, computed in float32.

    Args:
        image: (H, W, 3); a grey image has neither and comes back as it is.
        degrees: 120 makes green of red.
        factor: of the saturation, which ends at 1.
    """
    if image.shape[2] == 1 or (degrees == 0 and factor == 1):
        return image
    hsv = cv2.cvtColor(np.divide(image, np.float32(top(image)), dtype=np.float32), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = np.mod(hsv[..., 0] + degrees, 360)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor, 0, 1)
    levels = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * top(image)
    return with_channels(np.clip(np.rint(levels), 0, top(image)).astype(image.dtype), image)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Brightness(Transform):
    """Contrast and brightness: alpha x + beta, see `brightness`.

    Attributes:
        alpha: low and high factor.
        beta: low and high offset in levels of the image's own scale.
    """

    alpha: UnsignedRange = (1.0, 1.0)
    beta: Range = (0.0, 0.0)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws both."""
        return {"alpha": between(self.alpha, uniform()), "beta": between(self.beta, uniform())}

    def apply(self, image: Image, params: Params) -> Image:
        """Scales and adds."""
        return brightness(image, params["alpha"], params["beta"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChannelGain(Transform):
    """Multiplies each channel by its own factor: coloured light.

    Attributes:
        red: low and high factor.
        green: low and high factor.
        blue: low and high factor. A grey image is multiplied by the mean of the three.
    """

    red: UnsignedRange = (0.8, 1.2)
    green: UnsignedRange = (0.8, 1.2)
    blue: UnsignedRange = (0.8, 1.2)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws one factor for each channel of the image."""
        gains = [between(bounds, uniform()) for bounds in (self.red, self.green, self.blue)]
        return {"gains": gains if shape[2] == 3 else [sum(gains) / 3]}

    def apply(self, image: Image, params: Params) -> Image:
        """Multiplies."""
        gains = params["gains"]
        return channel_affine(image, gains, [0.0] * len(gains))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShift(Transform):
    """Adds to each channel a number of levels of its own.

    Attributes:
        levels: low and high offset, in the image's own scale.
    """

    levels: Range = (-20.0, 20.0)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws one offset for each channel."""
        return {"offsets": [between(self.levels, uniform()) for _ in range(shape[2])]}

    def apply(self, image: Image, params: Params) -> Image:
        """Adds."""
        offsets = params["offsets"]
        return channel_affine(image, [1.0] * len(offsets), offsets)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gamma(Transform):
    """Bends the levels of a range of values, see `gamma`.

    Attributes:
        gamma: low and high exponent; under 1 brightens.
        values: the range that is bent, in shares of the depth; the rest stays.
    """

    gamma: PositiveRange = (0.8, 1.25)
    values: ShareRange = (0.0, 1.0)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the exponent."""
        return {"gamma": between(self.gamma, uniform())}

    def apply(self, image: Image, params: Params) -> Image:
        """Bends."""
        return gamma(image, params["gamma"], self.values)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RangeGain(Transform):
    """Multiplies each range of levels by a factor of its own, see `range_gain`.

    Attributes:
        bounds: where one range ends and the next begins, rising, in shares of the depth.
        factors: low and high factor of each range, the darkest first: one more than bounds.
    """

    bounds: Annotated[tuple[InnerShare, ...], at.MinLen(1)] = (0.25, 0.75)
    factors: Annotated[tuple[UnsignedRange, ...], at.MinLen(2)] = ((1.0, 1.2), (0.9, 1.1), (0.8, 1.0))

    def complete(self) -> None:
        """Checks that bounds rise, and that each range has its factor."""
        if any(low >= high for low, high in itertools.pairwise(self.bounds)):
            raise ValueError(f"bounds: expected rising shares, got {list(self.bounds)}")
        if len(self.factors) != len(self.bounds) + 1:
            raise ValueError(
                f"factors: expected {len(self.bounds) + 1} pairs [low, high], one more than bounds, "
                f"got {len(self.factors)}"
            )

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws one factor for each range."""
        return {"factors": [between(bounds, uniform()) for bounds in self.factors]}

    def apply(self, image: Image, params: Params) -> Image:
        """Multiplies."""
        return range_gain(image, self.bounds, params["factors"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HueSaturation(Transform):
    """Turns the hue and scales the saturation, see `hue_saturation`; leaves grey images alone.

    Attributes:
        hue: low and high angle in degrees.
        saturation: low and high factor.
    """

    hue: Range = (-10.0, 10.0)
    saturation: UnsignedRange = (0.8, 1.2)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws both."""
        return {"hue": between(self.hue, uniform()), "saturation": between(self.saturation, uniform())}

    def apply(self, image: Image, params: Params) -> Image:
        """Turns and scales."""
        return hue_saturation(image, params["hue"], params["saturation"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Invert(Transform):
    """Returns the negative, max - x; say how often with `probability`."""

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws nothing."""
        return {}

    def apply(self, image: Image, params: Params) -> Image:
        """Inverts."""
        return invert(image)
