"""BMP's run-length codes of 4 and 8 bits."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import ImageError

_END_OF_ROW, _END, _JUMP = 0, 1, 2
_HALVES: Final = tuple(bytes((value >> 4, value & 15)) for value in range(256))


def unpack_runs(codes: bytes, size: tuple[int, int], bits: int) -> NDArray[np.uint8]:
    """Unpacks run-length codes; what goes over the end of a row is dropped, as Windows does.

    Args:
        codes: pairs of bytes, up to the code that ends them.
        size: height and width.
        bits: of an index, 4 or 8.

    Returns:
        (H, W) indices in the order of the file; 0 where pixels are jumped over.

    Raises:
        ImageError: they end before the last pixel.
    """
    height, width = size
    out = np.zeros(size, np.uint8)
    row = column = at = 0
    while at + 1 < len(codes) and row < height:
        count, value = codes[at], codes[at + 1]
        at += 2
        if count or value > _JUMP:
            if count:
                pixels = bytes([value]) * count if bits == 8 else (_HALVES[value] * count)[:count]
            else:
                pixels, at = _as_they_are(codes, at, value, bits)
            pixels = pixels[: width - column]
            out[row, column : column + len(pixels)] = np.frombuffer(pixels, np.uint8)
            column += len(pixels)
        elif value == _END_OF_ROW:
            row, column = row + 1, 0
        elif value == _JUMP:
            right, down = codes[at : at + 1], codes[at + 1 : at + 2]
            column, row, at = min(column + sum(right), width), row + sum(down), at + 2
        else:
            break
    if row * width + column < height * width:
        raise ImageError(f"BMP is cut: its runs end in row {row} of {height}")
    return out


def _as_they_are(codes: bytes, at: int, count: int, bits: int) -> tuple[bytes, int]:
    """Pixels that are not in runs, and the position behind them: they fill whole pairs of bytes."""
    length = count if bits == 8 else (count + 1) // 2
    stored = codes[at : at + length]
    pixels = stored if bits == 8 else b"".join(_HALVES[value] for value in stored)[:count]
    return pixels, at + length + length % 2
