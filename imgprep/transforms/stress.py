"""Stress tests: transforms of a test set that show what a model did not learn (Handbook, part 8).

Each is made without arguments and is a transform like any other, so its draws are recorded and repeatable.
"""

import dataclasses
from typing import Annotated

import annotated_types as at

from imgprep.transforms.base import Image, Params, Range, Shape, Share, Transform, Uniform, UnsignedRange, top
from imgprep.transforms.corruption import gaussian_noise
from imgprep.transforms.filters import gaussian_blur
from imgprep.transforms.geometric import Rotate, Shift
from imgprep.transforms.intensity import Brightness, Invert
from imgprep.transforms.matrices import Fill


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inverted(Invert):
    """The negative of each image."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shifted(Shift):
    """Each image moved to the right by a seventh of its width (4 of 28 pixels); black comes in from the left."""

    x: Range = (1 / 7, 1 / 7)
    y: Range = (0.0, 0.0)
    fill: Fill | None = "constant"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rotated(Rotate):
    """Each image turned by 15 to 30 degrees to one side or the other: more than a dead-on camera sees."""

    degrees: Range = (15.0, 30.0)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the angle and the side."""
        params = Rotate.draw(self, uniform, shape)
        return params if uniform() < 0.5 else {"degrees": -params["degrees"]}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dimmed(Brightness):
    """Each image at 40 % of its light."""

    alpha: UnsignedRange = (0.4, 0.4)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Blurred(Transform):
    """Each image out of focus.

    Attributes:
        share: deviation of the Gaussian in shares of the longer side.
    """

    share: Annotated[float, at.Gt(0), at.Le(0.2)] = 0.025

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Computes the deviation in pixels."""
        return {"sigma": self.share * max(shape[:2])}

    def apply(self, image: Image, params: Params) -> Image:
        """Blurs."""
        return gaussian_blur(image, params["sigma"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Noisy(Transform):
    """Each image with the noise of a dark scene.

    Attributes:
        share: deviation of the noise in shares of the depth.
    """

    share: Share = 0.1

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the seed of the noise."""
        return {"seed": int(uniform() * 2**31)}

    def apply(self, image: Image, params: Params) -> Image:
        """Adds the noise."""
        return gaussian_noise(image, self.share * top(image), params["seed"])
