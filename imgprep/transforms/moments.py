"""Exact sums over images, from which mean and deviation follow: the order of adding never changes the result."""

import base64
import dataclasses
import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Shape

_PIXELS = 1 << 16
"""Pixels in one go. Their squares, of 16 bits, add up to 2^48 at most. OpenCV may take the root of the sum and square
it again, which errs by 3 parts in 2^53, a tenth of a level here: rounding gives the exact whole number."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over images of one shape, as whole numbers.

    Attributes:
        images: how many images were summed.
        shape: height, width, channels of each of them.
        sums: the sum of the levels, for each channel.
        squares: the sum of the squared levels, for each channel.
        pixels: the sum over the images at each position and channel, uint64 of `shape`; None when not asked for.
        pixel_squares: the sum of the squared levels there, in the same way.
    """

    images: int
    shape: Shape
    sums: tuple[int, ...]
    squares: tuple[int, ...]
    pixels: NDArray[np.uint64] | None = None
    pixel_squares: NDArray[np.uint64] | None = None

    @classmethod
    def empty(cls, shape: Shape, per_pixel: bool = False) -> Self:
        """Returns the sums over no image."""
        zeros = (0,) * shape[2]
        blank = [np.zeros(shape, np.uint64) if per_pixel else None for _ in range(2)]
        return cls(0, shape, zeros, zeros, *blank)

    @classmethod
    def of(cls, images: NDArray[np.uint8] | NDArray[np.uint16], per_pixel: bool = False) -> Self:
        """Sums a batch (N, H, W, C); `per_pixel` keeps the sums at each position too."""
        count, height, width, channels = images.shape
        sums, squares = _channel_sums(images.reshape(1, -1, channels))
        per_position = (_pixel_sums(images), _pixel_squares(images)) if per_pixel else (None, None)
        return cls(count, (height, width, channels), sums, squares, *per_position)

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Adds up the sums of several batches, of which there must be one; any order gives the same result."""
        total, *others = parts
        for part in others:
            total = total.plus(part)
        return total

    def plus(self, other: Self) -> Self:
        """Adds the sums of another batch of the same shape.

        Raises:
            ValueError: the shapes differ.
        """
        if self.shape != other.shape:
            raise ValueError(f"images of shape {self.shape} and {other.shape} have no common statistics")
        return type(self)(
            self.images + other.images,
            self.shape,
            tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)),
            tuple(a + b for a, b in zip(self.squares, other.squares, strict=True)),
            _both(self.pixels, other.pixels),
            _both(self.pixel_squares, other.pixel_squares),
        )

    @property
    def mean(self) -> float:
        """The mean level over everything."""
        return sum(self.sums) / (self._per_channel * self.shape[2])

    @property
    def std(self) -> float:
        """The standard deviation (of the population) over everything."""
        return _deviation(self._per_channel * self.shape[2], sum(self.sums), sum(self.squares))

    @property
    def channel_mean(self) -> tuple[float, ...]:
        """The mean level of each channel."""
        return tuple(total / self._per_channel for total in self.sums)

    @property
    def channel_std(self) -> tuple[float, ...]:
        """The standard deviation of each channel."""
        return tuple(_deviation(self._per_channel, s, q) for s, q in zip(self.sums, self.squares, strict=True))

    @property
    def pixel_mean(self) -> NDArray[np.float64]:
        """The mean image, float64 (H, W, C).

        Raises:
            ValueError: the sums were taken without `per_pixel`.
        """
        if self.pixels is None:
            raise ValueError("these moments hold no sums per pixel: take them with per_pixel=True")
        return self.pixels / np.float64(self.images)

    @property
    def pixel_std(self) -> NDArray[np.float64]:
        """The standard deviation (of the population) at each position and channel, float64 (H, W, C).

        Raises:
            ValueError: the sums were taken without `per_pixel`.
        """
        if self.pixels is None or self.pixel_squares is None:
            raise ValueError("these moments hold no sums per pixel: take them with per_pixel=True")
        # Whole numbers until the root is taken: a position that never varies has a deviation of exactly 0.
        narrow = self.images * int(self.pixel_squares.max(initial=0)) < 1 << 63
        sums, squares = (array if narrow else array.astype(object) for array in (self.pixels, self.pixel_squares))
        scaled = (squares * self.images - sums * sums).astype(np.float64)
        return np.asarray(np.sqrt(scaled) / self.images)

    @property
    def _per_channel(self) -> int:
        count = self.images * self.shape[0] * self.shape[1]
        if not count:
            raise ValueError("no image to take statistics of")
        return count

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object that `from_json` turns into equal moments."""
        return {
            "images": self.images,
            "shape": list(self.shape),
            "sums": list(self.sums),
            "squares": list(self.squares),
            "pixels": _packed(self.pixels),
            "pixel_squares": _packed(self.pixel_squares),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote."""
        height, width, channels = data["shape"]
        shape = height, width, channels
        pixels, squares = (_unpacked(data[name], shape) for name in ("pixels", "pixel_squares"))
        return cls(data["images"], shape, tuple(data["sums"]), tuple(data["squares"]), pixels, squares)


def _both(one: NDArray[np.uint64] | None, other: NDArray[np.uint64] | None) -> NDArray[np.uint64] | None:
    return None if one is None or other is None else np.add(one, other)


def _packed(sums: NDArray[np.uint64] | None) -> str | None:
    return None if sums is None else base64.b64encode(zlib.compress(sums.astype("<u8").tobytes(), 1)).decode("ascii")


def _unpacked(text: str | None, shape: Shape) -> NDArray[np.uint64] | None:
    if text is None:
        return None
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<u8").astype(np.uint64).reshape(shape)


def _channel_sums(pixels: NDArray[Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sums pixels (1, N, C) and their squares by channel."""
    channels = pixels.shape[2]
    sums, squares = [0] * channels, [0] * channels
    for start in range(0, pixels.shape[1], _PIXELS):
        block = pixels[:, start : start + _PIXELS]
        block_sums = cv2.sumElems(block)
        for channel, plane in enumerate(cv2.split(block)):
            sums[channel] += round(block_sums[channel])
            squares[channel] += round(cv2.norm(plane, cv2.NORM_L2SQR))
    return tuple(sums), tuple(squares)


def _pixel_sums(images: NDArray[Any]) -> NDArray[np.uint64]:
    total = np.zeros(images.shape[1:], np.uint64)
    # The narrowest integers that cannot overflow are the fastest: 257 * 255 = 65535, and 65537 * 65535 < 2^32.
    step, dtype = (257, np.uint16) if images.dtype == np.uint8 else (65537, np.uint32)
    for start in range(0, len(images), step):
        total += images[start : start + step].sum(0, dtype=dtype)
    return total


def _pixel_squares(images: NDArray[Any]) -> NDArray[np.uint64]:
    total = np.zeros(images.shape[1:], np.uint64)
    wide = np.uint32 if images.dtype == np.uint8 else np.uint64
    for image in images:
        total += np.square(image, dtype=wide)
    return total


def _deviation(count: int, total: int, squares: int) -> float:
    return math.sqrt((count * squares - total * total) / (count * count))
