"""Sizes: resizing with the right interpolation, fitting into a size, cropping and padding."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import annotated_types as at
import cv2

from imgprep.errors import ImageError
from imgprep.transforms.area import resize_area
from imgprep.transforms.base import Color, Image, Shape, ShapeKept, color_of, with_channels
from imgprep.transforms.pillow_resize import PILLOW, resize_by_pillow
from imgprep.transforms.resize_options import Edge, Interpolation

Side = Annotated[int, at.Ge(1), at.Le(32767)]
Size: TypeAlias = tuple[Side, Side]
"""Height, width."""

_FLAGS: Mapping[str, int] = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
    "nearest": cv2.INTER_NEAREST_EXACT,
}
_BORDERS: Mapping[Edge, int] = {
    "constant": cv2.BORDER_CONSTANT,
    "reflect": cv2.BORDER_REFLECT,
    "edge": cv2.BORDER_REPLICATE,
}


def resize(image: Image, size: tuple[int, int], interpolation: Interpolation = "auto") -> Image:
    """Resizes to (height, width), both axes by their own factor.

    Args:
        image: (H, W, C).
        size: height and width, at least 1.
        interpolation: ``auto`` averages areas when shrinking (no aliasing) and interpolates cubically when enlarging;
            when one axis shrinks and the other grows, the shrinking axis goes first. ``pillow-...`` is Pillow's own
            resizing, see `resize_by_pillow`.

    Returns:
        (height, width, C) of the same dtype; the image itself when it has that size. Plain shrinking is equal to
        ``cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)``.
    """
    height, width = image.shape[:2]
    if (height, width) == tuple(size):
        return image
    shrinks = size[0] <= height and size[1] <= width
    if shrinks and interpolation in {"auto", "area"}:
        return resize_area(image, size)
    if interpolation in PILLOW:
        return resize_by_pillow(image, size, interpolation)
    if interpolation != "auto":
        return _resize(image, size, _FLAGS[interpolation])
    if size[0] < height or size[1] < width:
        image = resize_area(image, (min(size[0], height), min(size[1], width)))
    return _resize(image, size, cv2.INTER_CUBIC)


def _resize(image: Image, size: tuple[int, int], flag: int) -> Image:
    return with_channels(cv2.resize(image, (size[1], size[0]), interpolation=flag), image)


def center_crop(image: Image, size: tuple[int, int]) -> Image:
    """Cuts (height, width) out of the centre; an odd pixel more is cut at the bottom and the right.

    Raises:
        ImageError: the image is smaller than the crop.
    """
    height, width = image.shape[:2]
    if height < size[0] or width < size[1]:
        raise ImageError(
            f"image of {height}x{width} is smaller than the crop of {size[0]}x{size[1]}: use fit or a smaller crop"
        )
    if (height, width) == tuple(size):
        return image
    y, x = (height - size[0]) // 2, (width - size[1]) // 2
    return image[y : y + size[0], x : x + size[1]].copy()


def pad(image: Image, size: tuple[int, int], fill: Edge = "constant", value: Color = 0) -> Image:
    """Pads to (height, width) around the centre; an odd pixel more goes to the bottom and the right.

    Args:
        image: (H, W, C).
        size: height and width of the result.
        fill: ``constant`` (with `value`), ``edge`` (abc|ccc) or ``reflect`` (abc|cba).
        value: level, or [red, green, blue], in the image's own scale.

    Raises:
        ImageError: the image is larger than the size.
    """
    height, width = image.shape[:2]
    if height > size[0] or width > size[1]:
        raise ImageError(f"image of {height}x{width} does not fit into {size[0]}x{size[1]}: use fit or a larger size")
    if (height, width) == tuple(size):
        return image
    y, x = (size[0] - height) // 2, (size[1] - width) // 2
    bottom, right = size[0] - height - y, size[1] - width - x
    padded = cv2.copyMakeBorder(image, y, bottom, x, right, _BORDERS[fill], value=color_of(value))
    return with_channels(padded, image)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CenterCrop(ShapeKept):
    """Step: cuts the centre out.

    Attributes:
        size: height and width of what stays. Equal to slicing in numpy.
    """

    size: Size

    def __call__(self, image: Image) -> Image:
        """Cuts; a smaller image is refused."""
        return center_crop(image, self.size)

    def on_mask(self, mask: Image) -> Image:
        """Cuts the mask."""
        return center_crop(mask, self.size)

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the size, with the channels of the image."""
        return *self.size, shape[2]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pad(ShapeKept):
    """Step: pads around the centre. Equal to ``numpy.pad`` with modes constant, edge and symmetric.

    Attributes:
        size: height and width of the result.
        fill: ``constant``, ``reflect`` (abc|cba) or ``edge`` (abc|ccc).
        value: level or [red, green, blue] of the constant fill.
    """

    size: Size
    fill: Edge = "constant"
    value: Color = 0

    def __call__(self, image: Image) -> Image:
        """Pads; a larger image is refused."""
        return pad(image, self.size, self.fill, self.value)

    def on_mask(self, mask: Image) -> Image:
        """Pads the mask; a constant fill is no object."""
        return pad(mask, self.size, self.fill)

    def output_shape(self, shape: Shape) -> Shape:
        """Returns the size, with the channels of the image."""
        return *self.size, shape[2]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(ShapeKept):
    """Step: enlarges by whole numbers, each pixel repeated. Equal to ``numpy.repeat`` on the axes.

    Attributes:
        factor: how often each row and each column is repeated.
        channels: how often each channel is repeated; 3 makes RGB of grey.
    """

    factor: Annotated[int, at.Ge(1), at.Le(64)] = 1
    channels: Literal[1, 3] = 1

    def __call__(self, image: Image) -> Image:
        """Repeats rows, columns and channels."""
        return repeat(image, self.factor, self.channels)

    def on_mask(self, mask: Image) -> Image:
        """Repeats rows and columns."""
        return repeat(mask, self.factor)

    def output_shape(self, shape: Shape) -> Shape:
        """Multiplies each axis by its factor."""
        return shape[0] * self.factor, shape[1] * self.factor, shape[2] * self.channels


def repeat(image: Image, factor: int, channels: int = 1) -> Image:
    """Repeats each row and column `factor` times and each channel `channels` times.

    Raises:
        ImageError: the result would have more than three channels.
    """
    if image.shape[2] * channels > 3:
        raise ImageError("an RGB image cannot repeat its channels: use channels: 1, or gray before it")
    for axis, count in enumerate((factor, factor, channels)):
        if count > 1:
            image = image.repeat(count, axis)
    return image
