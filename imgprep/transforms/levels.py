"""Histograms, percentiles and look-up tables: the arithmetic of levels, exact for 8 and 16 bits."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.transforms.base import Image, top

_COUNTABLE = 1 << 24
"""As far as float32, in which OpenCV counts, knows every whole number."""


def histogram(image: Image) -> NDArray[np.int64]:
    """Counts the levels of all channels together: 256 or 65536 bins, one for each level."""
    if image.dtype == np.uint8 and image.size <= _COUNTABLE:
        flat = image.reshape(image.shape[0], -1)
        return cv2.calcHist([flat], [0], None, [256], [0, 256]).reshape(-1).astype(np.int64)
    return np.bincount(image.reshape(-1), minlength=top(image) + 1)


def percentiles(counts: NDArray[np.int64], percents: Sequence[float]) -> list[float]:
    """Returns percentiles of the counted levels, equal to ``numpy.percentile(..., method="linear")``.

    Args:
        counts: a histogram with one bin for each level, not empty.
        percents: each in 0..100.
    """
    cumulative = np.cumsum(counts)
    last = int(cumulative[-1]) - 1
    results = []
    for percent in percents:
        position = percent / 100 * last
        below = int(position)
        share = position - below
        low, high = np.searchsorted(cumulative, (below, min(below + 1, last)), side="right").tolist()
        # The same two-sided interpolation as numpy's, so that the results are equal to the last bit.
        step = high - low
        results.append(low + step * share if share < 0.5 else high - step * (1 - share))
    return results


def apply_table(image: Image, table: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Replaces each level by the table's entry.

    Args:
        image: (H, W, C).
        table: (256,) or (65536,) as the depth asks; its dtype is the dtype of the result. For uint8 levels and a dtype
            other than float16 also (1, 256, C), an entry for each channel.
        out: of the shape of the image and the dtype of the table, C-contiguous, to be filled; None for a new array.
    """
    if image.dtype == np.uint8 and table.dtype != np.float16:
        found = cv2.LUT(image, table, out).reshape(image.shape)
        if out is None:
            return found
        if not np.may_share_memory(found, out):  # OpenCV found that it does not fit
            out[...] = found
        return out
    # Every level has its entry, so clipping changes nothing; it spares numpy a pass that checks the bounds.
    return np.take(table, image, mode="clip", out=out)


def map_levels(image: Image, values: NDArray[np.float64]) -> Image:
    """Replaces each level by the rounded value of `values`, saturating at the ends of the depth."""
    mapped: Image = apply_table(image, np.clip(np.rint(values), 0, top(image)).astype(image.dtype))
    return mapped
