"""Pixels to evidence: everything that the measured rules need to know of one image, from one decode.

What depends on the size of an image is measured at once (`Meter.add`); the rest is measured on images reduced to 32x32,
many at a time (`imgprep.audit.thumbnails`), because for small images the calls cost more than the pixels.
"""

import hashlib
import struct
from collections.abc import Iterable
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.audit.descriptor import describe
from imgprep.audit.measurements import FULL_ROW, ROW, flag_bit
from imgprep.audit.thumbnails import BATCH, SIDE, look

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Array = NDArray[Any]
WORKING_SIDE: Final = 256
"""Blur is measured on the image reduced to this long side by the smallest whole factor; smaller ones keep theirs."""
_SMALL: Final = 1 << 13
HASHED_WHOLE: Final = 1 << 16
"""Up to so many bytes the digest is over all pixels; beyond it, over all luminance and the reduced colour."""
_FLAG_WORDS: dict[tuple[str, ...], int] = {}


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

    def add(self, pixels: Pixels, flags: Iterable[str], data: bytes) -> None:
        """Measures one image.

        Args:
            pixels: (H, W, 1) grey or (H, W, 3) RGB, upright, C-contiguous, uint8 or uint16.
            flags: what the decoder found unusual.
            data: a digest of the source bytes, at least 16 bytes.
        """
        height, width, channels = pixels.shape
        luminance = pixels[..., 0] if channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        small = pixels if height == width == SIDE else _thumbnail(pixels)
        digest = _digest(pixels, luminance, small)
        gray, small = _eight_bit(luminance), _eight_bit(small)
        working = gray if max(height, width) <= WORKING_SIDE else _working(gray)
        blur = _blur(working)
        constant = blur == 0 and bool((pixels == pixels[0, 0]).all())
        place = len(self._heads)
        self._gray[place] = working if height == width == SIDE else _averaged(working)
        self._color[place] = small.reshape(SIDE, SIDE, channels)
        word = _flag_word(tuple(flags))
        self._heads.append((1, height, width, channels, word, data[:16], digest, blur, constant))
        if place + 1 == BATCH:
            self._flush()

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
        valid, height, width, channels, flags, data, pixels, blur, constant = zip(*self._heads, strict=True)
        for name, values in (("valid", valid), ("height", height), ("width", width), ("flags", flags)):
            rows[name] = values
        for name, digests in (("data", data), ("pixels", pixels)):
            rows[name] = np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2)
        rows["blur"], rows["constant"] = blur, constant
        # The whole buffer is looked at, whatever is in use of it: an image's record must not depend on its neighbours.
        for name, column in look(self._gray, self._color).items():
            rows[name] = column[:count]
        plain = np.array(channels) == 1
        rows["hue"][plain] = -1
        if self._descriptor:
            rows["descriptor"] = describe(self._gray, self._color)[:count]
        size, content = rows.dtype.itemsize, rows.tobytes()
        self._done += [content[start : start + size] for start in range(0, len(content), size)]
        self._heads.clear()


def measure(pixels: Pixels, flags: Iterable[str], data: bytes, *, descriptor: bool = False) -> bytes:
    """Measures a single image: see `Meter`, which is faster for many."""
    meter = Meter(descriptor=descriptor)
    meter.add(pixels, flags, data)
    return meter.finish()[0]


def _flag_word(flags: tuple[str, ...]) -> int:
    word = _FLAG_WORDS.get(flags)
    if word is None:
        word = _FLAG_WORDS[flags] = sum({1 << flag_bit(flag) for flag in flags})
    return word


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


def _working(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """To the working size, by averaging over a whole factor: that keeps what the Laplacian sees, and is fast."""
    height, width = gray.shape
    factor = -(-max(height, width) // WORKING_SIDE)
    size = max(1, width // factor), max(1, height // factor)
    part = gray[: size[1] * factor, : size[0] * factor]
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _blur(gray: NDArray[np.uint8]) -> float:
    """The variance of the Laplacian (Pech-Pacheco et al., 2000)."""
    if gray.size <= _SMALL:
        return float(cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))[1][0, 0]) ** 2
    wide = gray.astype(np.int16)
    laplacian = wide[1:-1, 2:] + wide[1:-1, :-2]
    laplacian += wide[2:, 1:-1]
    laplacian += wide[:-2, 1:-1]
    laplacian -= wide[1:-1, 1:-1] << 2
    return float(cv2.meanStdDev(laplacian)[1][0, 0]) ** 2


def _digest(pixels: Array, gray: Array, small: Array) -> bytes:
    """128 bits that equal pixels share.

    Hashing three channels of a photograph would take a fifth of the time of decoding it. Its luminance in every pixel
    and its colour at the reduced size tell images apart as well.
    """
    shape = struct.pack("<4I", *pixels.shape, pixels.itemsize)
    if pixels.nbytes <= HASHED_WHOLE:
        state = hashlib.blake2b(pixels.data, digest_size=16)
        state.update(shape)
        return state.digest()
    large = hashlib.sha256(np.ascontiguousarray(gray).data, usedforsecurity=False)
    if pixels.shape[2] == 3:
        large.update(np.ascontiguousarray(small).data)
    large.update(shape)
    return large.digest()[:16]
