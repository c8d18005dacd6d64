"""Transparency laid on a colour, in exact integer arithmetic."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_BAND_SAMPLES = 1 << 20


def composite(
    colours: Pixels, alpha: Pixels, background: tuple[int, int, int], *, premultiplied: bool = False
) -> Pixels:
    """Lays colours on a background: ``round(c * a + b * (top - a)) / top``, exact halves up.

    Args:
        colours: (H, W, 3) uint8 or uint16.
        alpha: (H, W), of the same type; full is 255 or 65535.
        background: 0 to 255 each, in the channels' order.
        premultiplied: the colours hold ``c * a`` already.

    Returns:
        A new contiguous (H, W, 3) array of the same type.
    """
    top = int(np.iinfo(colours.dtype).max)
    # 255 * 255 + 127 fits into 16 bits, and 65535 * 65535 + 32767 just fits into 32.
    wide = cast("np.dtype[np.uint32]", np.dtype(np.uint16 if top == 255 else np.uint32))
    behind = np.array(background, wide) * (top // 255)
    out = np.empty(colours.shape, colours.dtype)
    rows = max(1, _BAND_SAMPLES // max(1, 3 * colours.shape[1]))
    for start in range(0, len(colours), rows):
        band = colours[start : start + rows].astype(wide)
        opacity = alpha[start : start + rows, :, None].astype(wide)
        shine = (top - opacity) * behind
        if premultiplied:
            band += (shine + top // 2) // top
            np.minimum(band, top, out=band)
        else:
            band *= opacity
            band += shine + top // 2
            band //= top
        out[start : start + rows] = band
    return out


def replace_key(pixels: Pixels, key: tuple[int, ...], background: tuple[int, int, int]) -> tuple[Pixels, bool]:
    """Paints the pixels of a transparent colour with the background.

    Args:
        pixels: (H, W, 1) or (H, W, 3), RGB.
        key: the transparent colour, one value for each channel.
        background: RGB, 0 to 255 each.

    Returns:
        The pixels, with three channels when grey met a coloured background; and whether the colour occurs.
    """
    where = (pixels == np.array(key, pixels.dtype)).all(axis=2)
    if not where.any():
        return pixels, False
    coloured = pixels.shape[2] == 1 and len(set(background)) > 1
    pixels = pixels.repeat(3 if coloured else 1, axis=2)
    scale = int(np.iinfo(pixels.dtype).max) // 255
    pixels[where] = [value * scale for value in background[: pixels.shape[2]]]
    return pixels, True
