"""Geometric transforms. The affine ones give a matrix, so that a chain of them costs one interpolation.

`matrices` says what the coordinates and angles mean.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal, TypeAlias

import annotated_types as at

from imgprep.transforms.base import (
    Color,
    Image,
    Ordered,
    Params,
    PositiveRange,
    Range,
    Shape,
    Share,
    Transform,
    Uniform,
    between,
    shape_of,
)
from imgprep.transforms.matrices import (
    QUARTER_TURNS,
    Fill,
    Matrix,
    compose,
    flipping,
    rotation,
    shearing,
    shifting,
    warp,
    zooming,
)

Surroundings: TypeAlias = tuple[Fill, Color]
"""A fill with its colour."""
BLACK: Surroundings = ("constant", 0)

Angle = Annotated[float, at.Gt(-90), at.Lt(90)]
AngleRange = Annotated[tuple[Angle, Angle], Ordered()]
PositiveShare = Annotated[float, at.Gt(0), at.Le(1)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AffineTransform(Transform):
    """Base of the transforms that are a matrix. Next to each other in a chain they are composed into one."""

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Returns the matrix of drawn parameters for an image of `shape`."""
        raise NotImplementedError

    needs_fill: ClassVar[bool] = False
    """Whether pixels from outside the image come into view."""

    @property
    def surroundings(self) -> Surroundings | None:
        """Returns the transform's own fill; None when it has none."""
        return None

    def apply(self, image: Image, params: Params) -> Image:
        """Warps by the matrix."""
        fill, value = self.surroundings or BLACK
        return warp(image, self.matrix(params, shape_of(image)), fill, value)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FilledTransform(AffineTransform):
    """Base of the affine transforms that bring in pixels from outside the image.

    Attributes:
        fill: what surrounds the image: ``constant``, ``nearest``, ``reflect`` or ``wrap``. Left out, the fill that
            another transform of the chain names first, and black when none does.
        value: level or [red, green, blue] of the fill ``constant``, in the image's own scale.
    """

    needs_fill: ClassVar[bool] = True

    fill: Fill | None = None
    value: Color = 0

    @property
    def surroundings(self) -> Surroundings | None:
        """The named fill; a colour alone names the constant fill."""
        if self.fill is None:
            return None if self.value == 0 else ("constant", self.value)
        return self.fill, self.value


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flip(AffineTransform):
    """Mirrors the image, without interpolation.

    Attributes:
        horizontal: how often left and right are exchanged, 0..1.
        vertical: how often top and bottom are exchanged, 0..1.
    """

    horizontal: Share = 0.5
    vertical: Share = 0.0

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws both mirrors independently."""
        return {"horizontal": uniform() < self.horizontal, "vertical": uniform() < self.vertical}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Mirrors."""
        return flipping(params["horizontal"], params["vertical"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rot90(AffineTransform):
    """Turns by a random number (0 to 3) of quarter turns, without interpolation; by 0 or 2 when H and W differ."""

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the number of quarter turns that keep the shape."""
        if shape[0] == shape[1]:
            return {"turns": int(uniform() * 4)}
        return {"turns": 2 * int(uniform() * 2)}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Turns counter-clockwise."""
        return QUARTER_TURNS[params["turns"]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rotate(FilledTransform):
    """Turns around the centre, see `rotation`.

    Attributes:
        degrees: low and high, positive is counter-clockwise.
        clip: keep the scale and lose the corners; otherwise the whole image is kept.
        use: what the images are of, which limits the degrees (Handbook, part 7): ``dead-on`` -15..15, ``incline``
            -30..30, ``small-objects`` -180..180.
    """

    degrees: Range = (-15.0, 15.0)
    clip: bool = False
    use: Literal["dead-on", "incline", "small-objects"] = "incline"

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the angle."""
        return {"degrees": between(self.degrees, uniform())}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Turns."""
        return rotation(params["degrees"], shape, self.clip)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Zoom(FilledTransform):
    """Scales around the centre.

    Attributes:
        factor: low and high; over 1 enlarges and cuts the border off, under 1 shrinks and fills.
    """

    factor: PositiveRange = (0.8, 1.2)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the factor."""
        return {"factor": between(self.factor, uniform())}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Scales."""
        return zooming(params["factor"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shift(FilledTransform):
    """Moves the image by whole pixels, so that a shift alone interpolates nothing.

    Attributes:
        x: low and high share of the width, positive is to the right.
        y: low and high share of the height, positive is down.
    """

    x: Range = (-0.1, 0.1)
    y: Range = (-0.1, 0.1)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws both shares, and rounds them to pixels."""
        return {"x": round(between(self.x, uniform()) * shape[1]), "y": round(between(self.y, uniform()) * shape[0])}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Moves."""
        return shifting(params["x"], params["y"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shear(FilledTransform):
    """Slants the image around its centre.

    Attributes:
        x: low and high angle in degrees by which vertical lines lean.
        y: low and high angle in degrees by which horizontal lines lean.
    """

    x: AngleRange = (-10.0, 10.0)
    y: AngleRange = (0.0, 0.0)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws both angles."""
        return {"x": between(self.x, uniform()), "y": between(self.y, uniform())}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Shears."""
        return shearing(params["x"], params["y"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Affine(FilledTransform):
    """Shears, turns, scales and moves, in this order and in one interpolation. What is not named is not done.

    Attributes:
        degrees: as of `Rotate`.
        factor: as of `Zoom`.
        x: as of `Shift`, but not rounded to pixels.
        y: as of `Shift`, but not rounded to pixels.
        shear_x: as `x` of `Shear`.
        shear_y: as `y` of `Shear`.
        clip: as of `Rotate`.
        use: as of `Rotate`.
    """

    degrees: Range = (0.0, 0.0)
    factor: PositiveRange = (1.0, 1.0)
    x: Range = (0.0, 0.0)
    y: Range = (0.0, 0.0)
    shear_x: AngleRange = (0.0, 0.0)
    shear_y: AngleRange = (0.0, 0.0)
    clip: bool = False
    use: Literal["dead-on", "incline", "small-objects"] = "incline"

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws all six numbers."""
        names = ("degrees", "factor", "x", "y", "shear_x", "shear_y")
        return {name: between(getattr(self, name), uniform()) for name in names}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Composes the four."""
        matrix = shearing(params["shear_x"], params["shear_y"])
        matrix = compose(matrix, rotation(params["degrees"], shape, self.clip))
        matrix = compose(matrix, zooming(params["factor"]))
        return compose(matrix, shifting(params["x"] * shape[1], params["y"] * shape[0]))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crop(AffineTransform):
    """Cuts out a random window of the image's proportions and enlarges it to the image's size.

    Attributes:
        share: low and high share of each side that stays, over 0.
    """

    share: Annotated[tuple[PositiveShare, PositiveShare], Ordered()] = (0.8, 1.0)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the share, and where the window lies in what is left over, 0..1."""
        return {"share": between(self.share, uniform()), "x": uniform(), "y": uniform()}

    def matrix(self, params: Params, shape: Shape) -> Matrix:
        """Sends the window to the whole."""
        share = params["share"]
        x = (1 - share) * (params["x"] - 0.5) * shape[1]
        y = (1 - share) * (params["y"] - 0.5) * shape[0]
        return (1 / share, 0.0, -x / share, 0.0, 1 / share, -y / share)
