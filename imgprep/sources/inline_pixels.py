"""Pixels written into a table as nested lists of numbers."""

import json
from typing import Any

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
    return to_pixels(_parse(text), text)


def parse_numbers(text: bytes) -> NDArray[Any]:
    """Reads the same lists of any numbers.

    Returns:
        (H, W), (H, W, 1) or (H, W, 3) of integers or float64; NaN and infinite values too.

    Raises:
        ImageError: it is no such list, or see `to_numbers`.
    """
    return to_numbers(_parse(text), text)


def _parse(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"embedded pixels cannot be read: {one_line(error, 80)}") from None


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
    pixels = _to_array(values)
    if pixels.dtype.kind != "i" or _any_boolean(values, text):
        raise ImageError(f"embedded pixels are not all whole numbers from 0 to 255{_advice(pixels)}")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ImageError(f"embedded pixels go from {pixels.min()} to {pixels.max()}; 0 to 255 is read{_advice(pixels)}")
    return pixels.astype(np.uint8)


def to_numbers(values: object, text: bytes) -> NDArray[Any]:
    """Makes an array of nested lists of any numbers, in the shape of an image; see `to_pixels`.

    Raises:
        ImageError: the lists are ragged, no image in shape, or hold anything but numbers.
    """
    numbers = _to_array(values)
    if numbers.dtype.kind not in "iuf" or _any_boolean(values, text):
        raise ImageError("embedded pixels are not all numbers of at most 64 bits")
    return numbers


def _advice(pixels: NDArray[Any]) -> str:
    return ", other numbers with convert.range: [low, high]" if pixels.dtype.kind in "iuf" else ""


def _to_array(values: object) -> NDArray[Any]:
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
    return pixels


def _any_boolean(values: object, text: bytes) -> bool:
    # NumPy takes true for 1 when numbers stand next to it. The text is searched first: it is a thousand times faster.
    if b"true" not in text and b"false" not in text:
        return False
    return isinstance(values, bool) or (isinstance(values, list) and any(_any_boolean(value, text) for value in values))
