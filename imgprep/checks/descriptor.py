"""A cheap descriptor of shape and colour: gradients in cells and mean colours, for the built-in baseline."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

CELLS: Final = 7
ORIENTATIONS: Final = 8
COLORS: Final = 4
LENGTH: Final = CELLS * CELLS * ORIENTATIONS + COLORS * COLORS * 3


def describe(gray: NDArray[np.uint8], color: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Histograms of oriented gradients in 7x7 cells, and the mean colour in 4x4.

    A gradient counts for each of eight signed directions by how much it exceeds its projection at 45 degrees, so that
    it counts for at most two neighbours; cells overlap as triangles. (After Dalal and Triggs, 2005.)

    Args:
        gray: (B, S, S) uint8 luminance.
        color: (B, S, S, 3) uint8 RGB, S a multiple of 4.

    Returns:
        (B, 440) float16, the part of the gradients of length 1.
    """
    count, side = gray.shape[:2]
    padded = np.pad(gray, ((0, 0), (1, 1), (1, 1)), mode="edge").astype(np.float32)
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    least = np.sqrt(across * across + down * down) * np.float32(np.cos(np.pi / 4))
    toward = np.empty((ORIENTATIONS, *gray.shape), np.float32)
    half = ORIENTATIONS // 2
    for index in range(half):
        angle = index * np.pi / half
        along = across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle))
        np.maximum(along - least, 0, out=toward[index])
        np.maximum(-along - least, 0, out=toward[index + half])
    pool = _pool(side)
    rows = (toward.reshape(-1, side) @ pool).reshape(ORIENTATIONS, count, side, CELLS).swapaxes(2, 3)
    pooled = (rows.reshape(-1, side) @ pool).reshape(ORIENTATIONS, count, -1)
    cells = np.sqrt(pooled.swapaxes(0, 1).reshape(count, -1))
    length = np.sqrt((cells * cells).sum(axis=1, keepdims=True))
    patch = side // COLORS
    colors = color.reshape(count, COLORS, patch, COLORS, patch, 3).mean(axis=(2, 4), dtype=np.float32) / 255
    parts = [cells / np.where(length > 0, length, 1), colors.reshape(count, -1)]
    return np.concatenate(parts, axis=1).astype(np.float16)


@lru_cache(maxsize=4)
def _pool(side: int) -> NDArray[np.float32]:
    """(side, 7) the weight of each row of pixels in each row of cells."""
    size = side / CELLS
    centers = (np.arange(CELLS) + 0.5) * size - 0.5
    weight = np.maximum(0, 1 - np.abs(np.arange(side)[:, None] - centers) / size)
    return weight.astype(np.float32)
