"""Transforms that take information away: noise, blur, holes, JPEG artefacts."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import annotated_types as at
import cv2
import numpy as np

from imgprep.errors import ImageError
from imgprep.transforms.base import (
    Color,
    Image,
    Ordered,
    Params,
    Shape,
    ShareRange,
    Transform,
    Uniform,
    UnsignedRange,
    between,
    color_of,
    top,
    with_channels,
)
from imgprep.transforms.channels import to_depth
from imgprep.transforms.filters import gaussian_blur

Sigma = Annotated[float, at.Ge(0), at.Le(100)]
Quality = Annotated[int, at.Ge(1), at.Le(100)]


def gaussian_noise(image: Image, sigma: float, seed: int) -> Image:
    """Adds normally distributed noise, independent for each pixel and channel.

    The noise depends on `seed` alone: OpenCV's generator, three times as fast as numpy's, belongs to the calling thread
    and is seeded anew for each image.

    Args:
        image: (H, W, C).
        sigma: deviation in levels of the image's own scale.
        seed: 0 to 2^31 - 1.
    """
    if sigma == 0:
        return image
    # One channel only: cv2.randn takes a single deviation as that of the first channel.
    flat = image.reshape(image.shape[0], -1)
    noise = np.empty(flat.shape, np.float32)
    cv2.setRNGSeed(seed)
    cv2.randn(noise, np.zeros(1), np.array([sigma]))
    noisy = cv2.add(flat, noise, dtype=cv2.CV_8U if image.dtype == np.uint8 else cv2.CV_16U)
    return with_channels(noisy.reshape(image.shape), image)


def erase(image: Image, boxes: Sequence[Sequence[int]], value: Color = 0) -> Image:
    """Paints boxes over the image.

    Args:
        image: (H, W, C).
        boxes: upper, left, height and width of each, in pixels.
        value: level or [red, green, blue], in the image's own scale.
    """
    result = image.copy()
    color = np.rint(color_of(value)[: image.shape[2]]).astype(image.dtype)
    for upper, left, height, width in boxes:
        result[upper : upper + height, left : left + width] = color
    return result


def jpeg(image: Image, quality: int) -> Image:
    """Compresses and decompresses the image as JPEG.

    JPEG has 8 bits: a 16-bit image gets the error that its 8-bit version suffers, and keeps its own fine levels.

    Args:
        image: (H, W, C).
        quality: 1 to 100.
    """
    if image.dtype == np.uint8:
        return _recompress(image, quality)
    eight = to_depth(image, 8)
    error = np.subtract(_recompress(eight, quality), eight, dtype=np.int32) * 257
    return with_channels(np.clip(image + error, 0, top(image)).astype(np.uint16), image)


def _recompress(image: Image, quality: int) -> Image:
    colored = image.shape[2] == 3
    source = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if colored else image
    data = cv2.imencode(".jpg", source, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR if colored else cv2.IMREAD_GRAYSCALE)
    if decoded is None:
        raise ImageError(f"jpeg: OpenCV cannot read back an image of {image.shape[0]}x{image.shape[1]}: remove jpeg")
    return with_channels(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB) if colored else decoded, image)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GaussianNoise(Transform):
    """Adds noise, see `gaussian_noise`.

    Attributes:
        sigma: low and high deviation, in levels of the image's own scale.
    """

    sigma: UnsignedRange

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the deviation and the seed of the noise."""
        return {"sigma": between(self.sigma, uniform()), "seed": int(uniform() * 2**31)}

    def apply(self, image: Image, params: Params) -> Image:
        """Adds the noise of the seed."""
        return gaussian_noise(image, params["sigma"], params["seed"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Blur(Transform):
    """Blurs with a Gaussian, see `filters.gaussian_blur`.

    Attributes:
        sigma: low and high deviation in pixels.
    """

    sigma: Annotated[tuple[Sigma, Sigma], Ordered()] = (0.0, 1.5)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the deviation."""
        return {"sigma": between(self.sigma, uniform())}

    def apply(self, image: Image, params: Params) -> Image:
        """Blurs."""
        return gaussian_blur(image, params["sigma"])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Erase(Transform):
    """Paints boxes over the image, so that no single part of it is relied on.

    Attributes:
        count: how many boxes.
        height: low and high share of the image's height.
        width: low and high share of the image's width.
        value: level or [red, green, blue], in the image's own scale.
    """

    count: Annotated[int, at.Ge(1), at.Le(100)] = 1
    height: ShareRange = (0.1, 0.3)
    width: ShareRange = (0.1, 0.3)
    value: Color = 0

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws size and place of each box, which lies inside the image."""
        boxes = []
        for _ in range(self.count):
            height = round(between(self.height, uniform()) * shape[0])
            width = round(between(self.width, uniform()) * shape[1])
            upper = int(uniform() * (shape[0] - height + 1))
            boxes.append([upper, int(uniform() * (shape[1] - width + 1)), height, width])
        return {"boxes": boxes}

    def apply(self, image: Image, params: Params) -> Image:
        """Paints."""
        return erase(image, params["boxes"], self.value)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Jpeg(Transform):
    """Adds the artefacts of JPEG compression, see `jpeg`.

    Attributes:
        quality: low and high, 1 to 100.
    """

    quality: Annotated[tuple[Quality, Quality], Ordered()] = (50, 95)

    def draw(self, uniform: Uniform, shape: Shape) -> Params:
        """Draws the quality."""
        low, high = self.quality
        return {"quality": low + int(uniform() * (high - low + 1))}

    def apply(self, image: Image, params: Params) -> Image:
        """Compresses and decompresses."""
        return jpeg(image, params["quality"])
