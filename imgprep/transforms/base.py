"""The common part of image steps and transforms: types, parameters that check themselves, draws.

An image is a C-contiguous array (H, W, C), C being 1 (grey) or 3 (RGB), of uint8 or uint16. No function of this
family modifies its input; a function that has nothing to do may return the input itself. Levels (an offset, a
threshold, a fill colour) are in the image's own scale: 0..255 for 8 bits, 0..65535 for 16 bits.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, TypeAlias

import annotated_types as at
import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Shape: TypeAlias = tuple[int, int, int]
"""Height, width, channels."""
Params: TypeAlias = dict[str, Any]
"""The parameters that a transform drew: a small dictionary that survives JSON unchanged."""
Uniform: TypeAlias = Callable[[], float]
"""A source of random numbers: each call returns the next one of [0, 1)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ordered:
    """Marks a pair as a range: ``low <= high``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Lets pydantic check it."""
        from pydantic_core import core_schema  # noqa: PLC0415 - `import imgprep` does not wait for it

        return core_schema.no_info_wrap_validator_function(_ordered, handler(source))


def _ordered(given: Any, check: Callable[[Any], tuple[float, float]]) -> tuple[float, float]:
    low, high = check(given)
    if low > high:
        raise ValueError(f"expected [low, high], got [{given[0]}, {given[1]}]")
    return low, high


Share = Annotated[float, at.Ge(0), at.Le(1)]
Level = Annotated[float, at.Ge(0), at.Le(65535)]
Color = Level | tuple[Level, Level, Level]
"""One level for all channels, or red, green and blue."""
Range = Annotated[tuple[float, float], Ordered()]
PositiveRange = Annotated[tuple[Annotated[float, at.Gt(0)], Annotated[float, at.Gt(0)]], Ordered()]
UnsignedRange = Annotated[tuple[Annotated[float, at.Ge(0)], Annotated[float, at.Ge(0)]], Ordered()]
ShareRange = Annotated[tuple[Share, Share], Ordered()]


@functools.cache
def name_in_spec(class_name: str) -> str:
    """Returns the name in the spec of a step or transform, from that of its class.

    >>> name_in_spec("GaussianBlur"), name_in_spec("InvertStep"), name_in_spec("Rot90")
    ('gaussian_blur', 'invert', 'rot90')
    """
    return re.sub(r"(?<=.)(?=[A-Z])", "_", class_name.removesuffix("Step")).lower()


class DonorImages(NamedTuple):
    """The further images that a transform of several images takes besides the one it changes.

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

    @property
    def name(self) -> str:
        """Its name in the spec."""
        ...

    def __call__(self, image: Image) -> Image:
        """Returns the processed image."""
        ...

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the shape of the result for an image of this shape."""
        ...

    def on_mask(self, mask: Image) -> Image:
        """Moves the pixels of a mask (H, W, 1) as those of the image; what comes in from outside is no object."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Base of the models: the fields are checked when an object is made, with or without a spec.

    Pydantic is loaded when the first object is made.
    """

    def __post_init__(self) -> None:
        from imgprep.settings.binding import check_fields  # noqa: PLC0415 - workers, which unpickle, need no pydantic

        check_fields(self)
        self.complete()

    def complete(self) -> None:
        """Checks the fields against each other, and sets those that follow from others.

        Raises:
            ValueError: what is wrong, as ``field: problem``.
        """


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShapeKept(Checked):
    """Base of the models that take and give images; the shape stays unless a subclass says otherwise."""

    @property
    def name(self) -> str:
        """Its name in the spec, see `name_in_spec`."""
        return name_in_spec(type(self).__name__)

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the shape of the result for an image of this shape."""
        return shape

    def on_mask(self, mask: Image) -> Image:
        """Moves the pixels of a mask (H, W, 1) as those of the image: here not at all."""
        return mask


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Transform(ShapeKept):
    """A random transform: drawing is kept apart from applying, so that every image can be explained and rebuilt.

    Attributes:
        probability: how often it is applied, 0..1.
        beyond_limits: accept rotations and shifts over the limits (Handbook, part 7).
    """

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

    def __call__(self, image: Image, rng: "np.random.Generator") -> Image:
        """Draws and applies at once."""
        params = self.draw_maybe(uniforms(rng), shape_of(image))
        return image if params is None else self.apply(image, params)


def uniforms(rng: "np.random.Generator") -> Uniform:
    """Makes a cheap source of single uniform numbers: they are drawn from `rng` by the block."""
    return _blocks(rng).__next__


def _blocks(rng: "np.random.Generator") -> Iterator[float]:
    while True:
        yield from rng.random(16).tolist()


def between(bounds: tuple[float, float], share: float) -> float:
    """Returns the number that lies at `share` (0..1) of the way from the low to the high bound."""
    low, high = bounds
    return low + (high - low) * share


def top(image: Image) -> int:
    """Returns the highest level of the image's depth: 255 or 65535."""
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
