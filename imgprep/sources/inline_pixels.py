"""Pixels written into a table as nested lists of numbers."""

import json

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import ImageError, one_line


def parse_pixels(text: bytes) -> NDArray[np.uint8]:
    """Reads ``[[0, 255], [255, 0]]`` (grey) or ``[[[r, g, b], ...], ...]``.

    Returns:
        (H, W), (H, W, 1) or (H, W, 3) uint8.

    Raises:
        ImageError: it is no such list, or see `to_pixels`.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"embedded pixels cannot be read: {one_line(error, 80)}") from None
    return to_pixels(values, text)


def to_pixels(values: object, text: bytes) -> NDArray[np.uint8]:
    """Makes an image of nested lists; no value is ever rounded, clipped or wrapped.

    Args:
        values: the lists.
        text: what they were parsed from.

    Returns:
        (H, W), (H, W, 1) or (H, W, 3) uint8.

    Raises:
        ImageError: the lists are ragged, no image in shape, or hold anything but whole numbers from 0 to 255.
    """
    if not isinstance(values, list):
        raise ImageError("embedded pixels are no list of rows")
    try:
        pixels = np.array(values)
    except (ValueError, OverflowError, RecursionError):
        raise ImageError("embedded pixels are ragged: rows differ in length") from None
    if pixels.size == 0:
        raise ImageError(f"embedded pixels are empty: shape {list(pixels.shape)}")
    if pixels.ndim not in {2, 3} or (pixels.ndim == 3 and pixels.shape[2] not in {1, 3}):
        shape = one_line(list(pixels.shape))
        raise ImageError(f"embedded pixels have shape {shape}; [height, width] or [height, width, 3] is read")
    if pixels.dtype.kind != "i" or _any_boolean(values, text):
        raise ImageError("embedded pixels are not all whole numbers from 0 to 255")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ImageError(f"embedded pixels go from {pixels.min()} to {pixels.max()}; 0 to 255 is read")
    return pixels.astype(np.uint8)


def _any_boolean(values: object, text: bytes) -> bool:
    # NumPy takes true for 1 when numbers stand next to it. The text is searched first: it is a thousand times faster.
    if b"true" not in text and b"false" not in text:
        return False
    return isinstance(values, bool) or (isinstance(values, list) and any(_any_boolean(value, text) for value in values))
