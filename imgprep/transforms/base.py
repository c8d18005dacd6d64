"""What every image step and transform has in common: types, parameters that check themselves, draws.

An image is a C-contiguous array (H, W, C), C being 1 (grey) or 3 (RGB), of uint8 or uint16. No function of this
family modifies its input; a function that has nothing to do may return the input itself. Levels (an offset, a
threshold, a fill colour) are in the image's own scale: 0..255 for 8 bits, 0..65535 for 16 bits.
"""

import dataclasses
import functools
import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Protocol,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import annotated_types as at
import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Shape: TypeAlias = tuple[int, int, int]
"""Height, width, channels."""
Params: TypeAlias = dict[str, Any]
"""What a transform drew: a small dictionary that survives JSON unchanged."""
Uniform: TypeAlias = Callable[[], float]
"""Gives the next number of [0, 1) each time it is called."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ordered:
    """Marks a pair as a range: ``low <= high``."""


Share = Annotated[float, at.Ge(0), at.Le(1)]
Level = Annotated[float, at.Ge(0), at.Le(65535)]
Color = Level | tuple[Level, Level, Level]
"""One level for all channels, or red, green and blue."""
Range = Annotated[tuple[float, float], Ordered()]
PositiveRange = Annotated[tuple[Annotated[float, at.Gt(0)], Annotated[float, at.Gt(0)]], Ordered()]
UnsignedRange = Annotated[tuple[Annotated[float, at.Ge(0)], Annotated[float, at.Ge(0)]], Ordered()]
ShareRange = Annotated[tuple[Share, Share], Ordered()]

STRICT: Mapping[str, Any] = {"extra": "forbid", "allow_inf_nan": False}
"""How the spec reads these models: no unknown key, no infinite number."""


class DonorImages(NamedTuple):
    """What a transform of several images is given beside the one it changes.

    Attributes:
        mask: (H, W) uint8, which pixels are the object: 255 all of it, 0 nothing.
        other: (H, W, C) another image, of the same shape and dtype.
        other_mask: (H, W) uint8, the same of that one.
    """

    mask: Image
    other: Image
    other_mask: Image


class Step(Protocol):
    """An image step of ``convert.steps``: frozen parameters that are called with an image."""

    name: ClassVar[str]

    def __call__(self, image: Image, rng: np.random.Generator | None = None) -> Image:
        """Gives the processed image; steps draw nothing, `rng` is there for the common signature."""
        ...

    def output_shape(self, shape: Shape) -> Shape:
        """Says the shape that an image of this shape comes out with."""
        ...

    def on_mask(self, mask: Image) -> Image:
        """Moves the pixels of a mask (H, W, 1) as those of the image; what comes in from outside is no object."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Base of the models: the fields are checked when an object is made, with or without the spec's reader."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = STRICT

    def __post_init__(self) -> None:
        problems = field_problems(self)
        if problems:
            raise ValueError("; ".join(problems))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShapeKept(Checked):
    """Base of the models that take and give images; the shape stays unless a subclass says otherwise."""

    def output_shape(self, shape: Shape) -> Shape:
        """Says the shape that an image of this shape comes out with."""
        return shape

    def on_mask(self, mask: Image) -> Image:
        """Moves the pixels of a mask (H, W, 1) as those of the image: here not at all."""
        return mask


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Transform(ShapeKept):
    """A random transform: drawing is kept apart from applying, so that every image can be explained and rebuilt.

    Attributes:
        probability: how often it is applied, 0..1.
        beyond_limits: accept ranges over the limits of `limits.limit_problems`.
    """

    name: ClassVar[str] = ""
    nested: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that hold other transforms."""
    needs_donor: ClassVar[bool] = False
    """Whether it needs a `DonorImages`, and has `merge` in the place of `apply`."""

    probability: Share = 1.0
    beyond_limits: bool = False

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the parameters for one image of `shape`."""
        raise NotImplementedError

    def apply(self, image: Image, params: Params) -> Image:
        """Applies drawn parameters; the same parameters give the same pixels."""
        raise NotImplementedError

    def merge(self, image: Image, params: Params, donor_images: DonorImages) -> Image:
        """Applies drawn parameters to an image and its donor images, where ``needs_donor`` is set."""
        raise NotImplementedError

    def draw_maybe(self, uniform: Uniform, shape: Shape) -> Params | None:
        """Draws, or gives None when the dice say that this image is left alone."""
        if self.probability < 1 and uniform() >= self.probability:
            return None
        return self.draw(uniform, shape)

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        """Draws and applies at once."""
        params = self.draw_maybe(uniforms(rng), shape_of(image))
        return image if params is None else self.apply(image, params)


def uniforms(rng: np.random.Generator) -> Uniform:
    """Makes a cheap source of single uniform numbers: they are drawn from `rng` by the block."""
    return _blocks(rng).__next__


def _blocks(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from rng.random(16).tolist()


def between(bounds: tuple[float, float], share: float) -> float:
    """Gives the number that lies at `share` (0..1) of the way from the low to the high bound."""
    low, high = bounds
    return low + (high - low) * share


def top(image: Image) -> int:
    """Gives the highest level of the image's depth: 255 or 65535."""
    return 255 if image.dtype == np.uint8 else 65535


def shape_of(image: Image) -> Shape:
    """Gives (H, W, C) as a typed triple."""
    height, width, channels = image.shape
    return height, width, channels


def with_channels(result: NDArray[Any], image: Image) -> Image:
    """Types the result of an OpenCV function, and restores the channel axis that it drops from (H, W, 1)."""
    return result if result.ndim == image.ndim else result[..., None]


def color_of(value: Color) -> tuple[float, float, float]:
    """Gives one level for each of three channels, as OpenCV wants it."""
    return value if isinstance(value, tuple) else (value, value, value)


def field_problems(model: Any) -> list[str]:
    """Checks the fields of a dataclass against the constraints of their annotations.

    Knows Ge, Gt, Le, Lt, MinLen and MaxLen of annotated_types, `Ordered`, Literal, numbers and tuples; other types are
    left to the reader of the spec. Gives one line for each field that is wrong.
    """
    hints = _hints(type(model))  # type: ignore[arg-type]
    return [
        f"{field.name}: {problem}"
        for field in dataclasses.fields(model)
        if field.init and (problem := _problem(getattr(model, field.name), hints[field.name]))
    ]


@functools.cache
def _hints(model: type[Any]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


def _problem(value: Any, hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        inner, *constraints = arguments
        return _problem(value, inner) or next((p for c in constraints if (p := _violation(value, c))), "")
    if origin is tuple:
        return _tuple_problem(value, arguments)
    if origin in {Union, types.UnionType}:
        problems = [_problem(value, argument) for argument in arguments]
        return "" if "" in problems else problems[0]
    return _plain_problem(value, hint)


def _plain_problem(value: Any, hint: Any) -> str:
    if get_origin(hint) is Literal and value not in get_args(hint):
        return f"expected one of {', '.join(map(str, get_args(hint)))}, got {value!r}"
    if hint is float and not (isinstance(value, int | float) and math.isfinite(value)):
        return f"expected a number, got {value!r}"
    if hint is int and not isinstance(value, int):
        return f"expected a whole number, got {value!r}"
    return f"expected nothing, got {value!r}" if hint is type(None) and value is not None else ""


def _tuple_problem(value: Any, arguments: Sequence[Any]) -> str:
    if not isinstance(value, tuple):
        return f"expected a tuple, got {value!r}"
    hints = [arguments[0]] * len(value) if arguments[1:] == (Ellipsis,) else arguments
    if len(hints) != len(value):
        return f"expected {len(hints)} values, got {value!r}"
    return next((p for v, h in zip(value, hints, strict=True) if (p := _problem(v, h))), "")


_COMPARISONS: tuple[tuple[type, str, Callable[[Any, Any], bool], str], ...] = (
    (at.Ge, "ge", lambda value, bound: value >= bound, "at least"),
    (at.Gt, "gt", lambda value, bound: value > bound, "more than"),
    (at.Le, "le", lambda value, bound: value <= bound, "at most"),
    (at.Lt, "lt", lambda value, bound: value < bound, "less than"),
    (at.MinLen, "min_length", lambda value, bound: len(value) >= bound, "a length of at least"),
    (at.MaxLen, "max_length", lambda value, bound: len(value) <= bound, "a length of at most"),
)


def _violation(value: Any, constraint: Any) -> str:
    if isinstance(constraint, Ordered) and value[0] > value[1]:
        return f"expected [low, high], got [{value[0]}, {value[1]}]"
    for kind, attribute, holds, words in _COMPARISONS:
        if isinstance(constraint, kind) and not holds(value, getattr(constraint, attribute)):
            return f"expected {words} {getattr(constraint, attribute)}, got {value!r}"
    return ""
