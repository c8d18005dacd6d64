"""Stretches the values that a decoder stores to samples that use their whole range."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.alpha import Pixels
from imgprep.decoding.format_header import Header
from imgprep.errors import ImageError


def full_samples(stored: NDArray[np.integer], header: Header) -> Pixels:
    """Brings samples to (H, W, C) of uint8 or uint16 in their full range.

    Args:
        stored: (H, W) or (H, W, C) as the decoder gives them.
        header: says in what range they are.

    Raises:
        ImageError: signed samples below zero, or of a type that is not read.
    """
    if stored.dtype == np.int16:
        if int(stored.min()) < 0:
            raise ImageError("signed samples below zero are not read")
        stored = stored.view(np.uint16)
    if stored.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise ImageError(f"samples of type {stored.dtype} are not read")
    if stored.ndim == 2:
        stored = stored[:, :, None]
    pixels = cast("Pixels", stored)
    return _full_range(pixels, header.largest) if header.largest else pixels


def _full_range(pixels: Pixels, largest: int) -> Pixels:
    """Spreads 0 to ``largest`` over all values of the type, with rounding; larger values count as ``largest``."""
    top = int(np.iinfo(pixels.dtype).max)
    wide = np.minimum(pixels, largest).astype(np.uint32)
    wide *= top
    wide += largest // 2
    wide //= largest
    return cast("Pixels", wide.astype(pixels.dtype))
