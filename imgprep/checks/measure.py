"""Pixels to evidence: everything that the measured rules need to know of one image, from one decode.

What depends on the size of an image is measured at once (`Meter.add`); the rest is measured on images reduced to 32x32,
many at a time (`imgprep.checks.features`), because for small images the calls cost more than the pixels.

Nothing but the digest of the pixels and whether they are all equal needs more than `WORKING_SIDE` of them. So a large
JPEG may come reduced by the decoder, and what is measured is the same as of the whole image but for rounding. Whether
two such images are the same is then still to be found out, see `imgprep.checks.pixel_doubts`.
"""

import hashlib
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.checks.descriptor import describe
from imgprep.checks.features import BATCH, SIDE, look
from imgprep.checks.measurements import FULL_ROW, ROW, flag_bit
from imgprep.decoding.scaled_image import ScaledImage

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Array = NDArray[Any]
WORKING_SIDE: Final = 256
"""All is measured on the image reduced to this long side by the smallest power of 2; smaller ones keep their size."""
LEAST: Final = WORKING_SIDE // 2 + 1
"""Pixels that the long side of a scaled image must keep: fewer would be less than is measured."""
_HEAD: Final = ("valid", "height", "width", "flags", "factor", "data", "pixels", "blur", "constant")


class Meter:
    """Measures images one after another; its buffers are used again.

    Args:
        descriptor: whether to add what the suspects of ``label-errors`` are found by.
    """

    def __init__(self, *, descriptor: bool = False) -> None:
        self._descriptor = descriptor
        self._gray = np.zeros((BATCH, SIDE, SIDE), np.uint8)
        self._color = np.zeros((BATCH, SIDE, SIDE, 3), np.uint8)
        self._rows = np.zeros(BATCH, FULL_ROW if descriptor else ROW)
        self._heads: list[tuple[int | float | bool | bytes, ...]] = []
        self._done: list[bytes] = []

    def add(self, seen: ScaledImage, data: bytes) -> bool:
        """Measures one image.

        Args:
            seen: the image, whole or with at least `LEAST` pixels of its long side.
            data: a digest of the source bytes, at least 16 bytes.

        Returns:
            Whether it was measured: a reduced image of one brightness says too little, and has to come whole.
        """
        pixels, flags, height, width, factor = seen[:5]
        working = _eight_bit(pixels if max(pixels.shape) <= WORKING_SIDE else _working(pixels))
        channels = pixels.shape[2]
        gray = (
            working[..., 0] if channels == 1 else cast("NDArray[np.uint8]", cv2.cvtColor(working, cv2.COLOR_RGB2GRAY))
        )
        blur = _blur(gray)
        if factor > 1 and blur == 0:
            return False
        constant = blur == 0 and bool((pixels == pixels[0, 0]).all())
        place = len(self._heads)
        exact = gray.shape == (SIDE, SIDE)
        self._gray[place] = gray if exact else _averaged(gray)
        self._color[place] = working if exact else _thumbnail(working).reshape(SIDE, SIDE, channels)
        if factor == 1:
            digest = pixel_digest(pixels)
        else:
            digest = _digest((height, width, channels, 1, factor), gray, self._color[place])
        word = _flag_word(tuple(flags))
        self._heads.append((1, height, width, word, factor, data[:16], digest, blur, constant, channels == 1))
        if place + 1 == BATCH:
            self._flush()
        return True

    def finish(self) -> list[bytes]:
        """The records of all images added since the last call, in order, of `ROW` or with a descriptor `FULL_ROW`."""
        self._flush()
        done, self._done = self._done, []
        return done

    def _flush(self) -> None:
        if not self._heads:
            return
        count = len(self._heads)
        rows = self._rows[:count]
        *columns, plain = zip(*self._heads, strict=True)
        for name, values in zip(_HEAD, columns, strict=True):
            whole = name in {"data", "pixels"}
            rows[name] = np.frombuffer(b"".join(values), "<u8").reshape(-1, 2) if whole else values
        # The whole buffer is looked at, whatever is in use of it: an image's record must not depend on its neighbours.
        for name, column in look(self._gray, self._color).items():
            rows[name] = column[:count]
        rows["small"] = self._gray[:count]
        rows["hue"][np.array(plain)] = -1
        if self._descriptor:
            rows["descriptor"] = describe(self._gray, self._color)[:count]
        size, content = rows.dtype.itemsize, rows.tobytes()
        self._done += [content[start : start + size] for start in range(0, len(content), size)]
        self._heads.clear()


def measure(pixels: Pixels, flags: Iterable[str], data: bytes, *, descriptor: bool = False) -> bytes:
    """Measures a single whole image: see `Meter`, which is faster for many.

    Args:
        pixels: (H, W, 1) grey or (H, W, 3) RGB, upright, C-contiguous, uint8 or uint16.
        flags: what the decoder found unusual.
        data: a digest of the source bytes, at least 16 bytes.
        descriptor: as for `Meter`.
    """
    meter = Meter(descriptor=descriptor)
    meter.add(ScaledImage.whole(pixels, tuple(flags)), data)
    return meter.finish()[0]


def pixel_digest(pixels: Pixels) -> bytes:
    """128 bits that images share when their size, depth and every pixel are equal, and else do not.

    Args:
        pixels: (H, W, C), C-contiguous.
    """
    return _digest((*pixels.shape, pixels.itemsize, 1), pixels)


def _digest(shape: tuple[int, ...], *parts: Array) -> bytes:
    state = hashlib.sha256(struct.pack("<5I", *shape), usedforsecurity=False)
    for part in parts:
        state.update(part.data if part.flags.c_contiguous else part.tobytes())
    return state.digest()[:16]


@lru_cache(maxsize=4096)
def _flag_word(flags: tuple[str, ...]) -> int:
    return sum({1 << flag_bit(flag) for flag in flags})


def _eight_bit(image: Array) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return image
    return cv2.convertScaleAbs(image, alpha=255 / 65535)  # type: ignore[return-value]


def _thumbnail(pixels: Array) -> Array:
    """To 32x32 by sampling four times as many points: statistics of colour do not mind aliasing."""
    if max(pixels.shape[:2]) > 2 * SIDE:
        pixels = cv2.resize(pixels, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_LINEAR)
    return _averaged(pixels)


def _averaged(image: Array) -> Array:
    """To 32x32 by averaging; what is smaller is enlarged."""
    if max(image.shape[:2]) > 4 * SIDE:
        # At most halved: there linear interpolation averages as well, and the rest is a whole factor, which is fast.
        image = cv2.resize(image, (4 * SIDE, 4 * SIDE), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _working(pixels: Array) -> Array:
    """To the working size, by averaging over a power of two: that keeps what the Laplacian sees, and is fast."""
    height, width, channels = pixels.shape
    factor = 2
    while max(height, width) > factor * WORKING_SIDE:
        factor *= 2
    size = max(1, width // factor), max(1, height // factor)
    part = pixels[: size[1] * factor, : size[0] * factor]
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], channels)


def _blur(gray: NDArray[np.uint8]) -> float:
    """The variance of the Laplacian (Pech-Pacheco et al., 2000), from sums that are exact."""
    laplacian = cv2.Laplacian(gray, cv2.CV_16S)
    mean = cv2.sumElems(laplacian)[0] / gray.size
    return max(0.0, cv2.norm(laplacian, cv2.NORM_L2SQR) / gray.size - mean * mean)
