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


def straight(colours: Pixels, alpha: Pixels) -> Pixels:
    """Undoes a multiplication with alpha: ``round(c * top / a)``, exact halves up; black where alpha is nothing.

    Args:
        colours: (H, W, 3) uint8 or uint16, multiplied.
        alpha: (H, W), of the same type; full is 255 or 65535.
    """
    top = int(np.iinfo(colours.dtype).max)
    opacity = np.maximum(alpha, 1).astype(np.uint64)[:, :, None]
    wide = (colours.astype(np.uint64) * top + opacity // 2) // opacity
    return cast("Pixels", np.minimum(wide, top).astype(colours.dtype))


def replace_key(pixels: Pixels, key: tuple[int, ...], background: tuple[int, int, int]) -> tuple[Pixels, Pixels | None]:
    """Paints the pixels of a transparent colour with the background.

    Args:
        pixels: (H, W, 1) or (H, W, 3), RGB.
        key: the transparent colour, one value for each channel.
        background: RGB, 0 to 255 each.

    Returns:
        The pixels, with three channels when grey met a coloured background; and the opacity (H, W, 1) of the same
        type, nothing or full, None when the colour does not occur.
    """
    where = (pixels == np.array(key, pixels.dtype)).all(axis=2)
    if not where.any():
        return pixels, None
    coloured = pixels.shape[2] == 1 and len(set(background)) > 1
    pixels = pixels.repeat(3 if coloured else 1, axis=2)
    top = int(np.iinfo(pixels.dtype).max)
    pixels[where] = [value * (top // 255) for value in background[: pixels.shape[2]]]
    opacity = np.where(where, 0, top).astype(pixels.dtype)
    return pixels, cast("Pixels", opacity[:, :, None])
