"""The preset `keras`: the parameters of Keras' ImageDataGenerator, meaning the same.

Formulas: `apply_affine_transform` and `get_random_transform` of keras.preprocessing.image (Keras 2.4 and later). What
differs: the random numbers themselves; the fill `wrap`, which repeats the image with its whole period where scipy's
loses a pixel; the constant fill, which is interpolated with the border pixels; levels after `brightness_range`, which
are rounded, not cut off.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar

import annotated_types as at
import numpy as np

from imgprep.transforms.base import Color, Image, Level, Params, PositiveRange, Shape, Transform, Uniform, between, top
from imgprep.transforms.compose import Leaf, Policy
from imgprep.transforms.geometric import AffineTransform, Flip, Surroundings
from imgprep.transforms.intensity import Brightness
from imgprep.transforms.levels import map_levels
from imgprep.transforms.matrices import Fill, Matrix, compose, inverse

Unsigned = Annotated[float, at.Ge(0)]
ShiftRange = int | float | tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KerasAffine(AffineTransform):
    """The affine part, with the parameters that `Keras` drew."""

    needs_fill: ClassVar[bool] = True

    fill: Fill = "nearest"
    value: Color = 0

    @property
    def surroundings(self) -> Surroundings:
        """The fill."""
        return self.fill, self.value

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """The inverse of Keras' matrix, which sends (row, column) of the result to (row, column) of the image."""
        theta, shear = math.radians(params["theta"]), math.radians(params["shear"])
        # A product of matrices applies its last factor first.
        product: Matrix = (params["zx"], 0.0, 0.0, 0.0, params["zy"], 0.0)
        product = compose(product, (1.0, -math.sin(shear), 0.0, 0.0, math.cos(shear), 0.0))
        product = compose(product, (1.0, 0.0, params["tx"], 0.0, 1.0, params["ty"]))
        cosine, sine = math.cos(theta), math.sin(theta)
        rr, rc, r0, cr, cc, c0 = compose(product, (cosine, -sine, 0.0, sine, cosine, 0.0))
        return inverse((cc, cr, c0, rc, rr, r0))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KerasChannelShift(Transform):
    """Adds one number to all channels and limits the result to the levels that the image had."""

    def apply(self, image: Image, params: Params) -> Image:
        """Adds and limits."""
        levels = np.arange(top(image) + 1, dtype=np.float64)
        return map_levels(image, np.clip(levels + params["intensity"], image.min(), image.max()))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Keras(Policy):
    """Does what ``keras.preprocessing.image.ImageDataGenerator`` does with the same parameters.

    Attributes:
        rotation_range: degrees, to both sides; corners are clipped.
        width_shift_range: under 1 a share of the width, from 1 on pixels, to both sides; an integer draws whole pixels
            less than it, a list draws one of its values with either sign.
        height_shift_range: the same of the height.
        brightness_range: low and high factor.
        shear_range: angle in degrees, to both sides.
        zoom_range: low and high, or z for [1 - z, 1 + z]; drawn for each axis; over 1 shrinks.
        channel_shift_range: levels, to both sides, the same for all channels.
        fill_mode: ``constant``, ``nearest``, ``reflect`` or ``wrap``.
        cval: level of the constant fill.
        horizontal_flip: mirror half of the images left and right.
        vertical_flip: mirror half of the images top and bottom.
    """

    rotation_range: Unsigned = 0.0
    width_shift_range: ShiftRange = 0.0
    height_shift_range: ShiftRange = 0.0
    brightness_range: PositiveRange | None = None
    shear_range: Annotated[float, at.Ge(0), at.Lt(90)] = 0.0
    zoom_range: Annotated[float, at.Ge(0), at.Lt(1)] | PositiveRange = 0.0
    channel_shift_range: Unsigned = 0.0
    fill_mode: Fill = "nearest"
    cval: Level = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    parts: tuple[Transform, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def complete(self) -> None:
        """Makes the parts."""
        affine = KerasAffine(fill=self.fill_mode, value=self.cval)
        object.__setattr__(self, "parts", (affine, Flip(), KerasChannelShift(), Brightness()))

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the parameters under the names that Keras gives them; those of switched-off parts are left out."""
        zoom = self.zoom_range
        bounds = zoom if isinstance(zoom, tuple) else (1 - zoom, 1 + zoom)
        params: Params = {
            "theta": _both_sides(self.rotation_range, uniform),
            "tx": _shift(self.height_shift_range, shape[0], uniform),
            "ty": _shift(self.width_shift_range, shape[1], uniform),
            "shear": _both_sides(self.shear_range, uniform),
            "zx": between(bounds, uniform()),
            "zy": between(bounds, uniform()),
            "flip_horizontal": self.horizontal_flip and uniform() < 0.5,
            "flip_vertical": self.vertical_flip and uniform() < 0.5,
        }
        if self.channel_shift_range:
            params["channel_shift_intensity"] = _both_sides(self.channel_shift_range, uniform)
        if self.brightness_range is not None:
            params["brightness"] = between(self.brightness_range, uniform())
        return params

    def members(self) -> Iterable[Transform]:
        """Returns the parts."""
        return self.parts

    def expand(self, params: Params, shape: Shape) -> Iterator[Leaf]:
        """Returns the parts. Keras shifts channels before it flips; the other way round is the same in one warp."""
        affine, flip, channel_shift, brightness = self.parts
        yield affine, {name: params[name] for name in ("theta", "tx", "ty", "shear", "zx", "zy")}
        yield flip, {"horizontal": params["flip_horizontal"], "vertical": params["flip_vertical"]}
        if "channel_shift_intensity" in params:
            yield channel_shift, {"intensity": params["channel_shift_intensity"]}
        if "brightness" in params:
            yield brightness, {"alpha": params["brightness"], "beta": 0.0}


def _both_sides(limit: float, uniform: Uniform) -> float:
    return between((-limit, limit), uniform()) if limit else 0.0


def _shift(spread: ShiftRange, side: int, uniform: Uniform) -> float:
    """Draws a shift in pixels as `get_random_transform` does."""
    if not spread:
        return 0.0
    if isinstance(spread, float):
        return _both_sides(spread, uniform) * (side if spread < 1 else 1)
    values = spread if isinstance(spread, tuple) else tuple(range(spread))
    drawn = values[int(uniform() * len(values))] * (1 if uniform() < 0.5 else -1)
    largest = max(values) if isinstance(spread, tuple) else spread
    return drawn * (side if largest < 1 else 1)
