"""Features of images of 32x32 pixels, many at a time: luminance, hue, the object, the border, the hash."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.phash import hashes_of, low_frequencies, waves_of

SIDE: Final = 32
BATCH: Final = 64
_PIXELS: Final = SIDE * SIDE
_RING: Final = 3
_PLACE: Final = np.arange(_PIXELS).reshape(SIDE, SIDE)
RING: Final = np.setdiff1d(_PLACE, _PLACE[_RING:-_RING, _RING:-_RING])
"""Flat positions of the pixels within three of the border, a tenth of the side."""
_EDGE: Final = np.concatenate([_PLACE[0], _PLACE[-1], _PLACE[1:-1, 0], _PLACE[1:-1, -1]])
_THIRD: Final = (np.arange(256) * 3 >> 8).astype(np.uint8)
_STANDS_OUT: Final = 32
_COLORFUL: Final = 64
_VISIBLE: Final = 40
_CODES: Final = 256
_AROUND: Final = 10
"""Codes of hue on either side that count as the same hue: 14 degrees."""
_DOMINANT: Final = 0.05
"""The least share of the object for its hue to be named: a few coloured pixels of noise are no colour."""
_ROUGH: Final = 8

Columns = dict[str, NDArray[np.float32] | NDArray[np.uint64] | NDArray[np.int8]]


def look(gray: NDArray[np.uint8], color: NDArray[np.uint8]) -> Columns:
    """Measures thumbnails.

    Args:
        gray: (B, 32, 32) luminance.
        color: (B, 32, 32, 3) RGB; a greyscale image has three equal channels.

    Returns:
        The columns of `imgprep.checks.measurements.ROW` that thumbnails decide, (B,) or (B, D) each.
    """
    mask, low = _stands_out(color), low_frequencies(gray)
    return {
        "hash": hashes_of(low),
        "waves": waves_of(low),
        **_luminance(gray.reshape(-1, _PIXELS)),
        **_object(mask),
        **_hue(color, mask),
        "border": _border(gray, color),
    }


def _luminance(gray: NDArray[np.uint8]) -> Columns:
    """Mean, deviation, and 1st and 99th percentile."""
    count = len(gray)
    histogram = _histograms(gray, 256)
    levels = np.arange(256)
    mean = histogram @ levels / _PIXELS
    square = histogram @ (levels * levels) / _PIXELS
    total = np.cumsum(histogram, axis=1)
    low = (total < 0.01 * _PIXELS).sum(axis=1)
    high = (total < 0.99 * _PIXELS).sum(axis=1)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    columns = {"mean": mean, "low": low, "high": high, "spread": spread}
    return {name: (column / 255).astype(np.float32).reshape(count) for name, column in columns.items()}


def _stands_out(color: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(B, 1024) the pixels that differ from the median of the outermost ones."""
    result = np.zeros((len(color), _PIXELS), bool)
    for plane in cv2.split(color.reshape(-1, _PIXELS, 3)):
        edge = plane[:, _EDGE]
        edge.partition(len(_EDGE) // 2, axis=1)
        around = np.repeat(edge[:, len(_EDGE) // 2, None], _PIXELS, axis=1)
        result |= cv2.absdiff(plane, around) > _STANDS_OUT
    return result


def _object(mask: NDArray[np.bool_]) -> Columns:
    """Centre and size of what stands out, as fractions (the middle and 0 for nothing), and its part of the edge."""
    picture = mask.reshape(-1, SIDE, SIDE)
    across, down = picture.sum(axis=1), picture.sum(axis=2)
    area = across.sum(axis=1)
    centers = (np.arange(SIDE) + 0.5) / SIDE
    some = np.maximum(area, 1)
    x = np.where(area > 0, across @ centers / some, 0.5)
    y = np.where(area > 0, down @ centers / some, 0.5)
    scale = np.sqrt(area / _PIXELS)
    columns = {"x": x, "y": y, "scale": scale, "touch": mask[:, _EDGE].mean(axis=1)}
    return {name: column.astype(np.float32) for name, column in columns.items()}


def _hue(color: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Columns:
    """Dominant hue of what stands out (of all, when nothing does), its share of that, and the mean saturation.

    The densest stretch of the colour circle is looked for in whole codes; the hue is the mean of the pixels in it.
    """
    pixels = color.reshape(-1, _PIXELS, 3)
    code, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL))
    mask = mask | ~mask.any(axis=1, keepdims=True)
    colored = np.flatnonzero((saturation >= _COLORFUL) & (value >= _VISIBLE) & mask)
    image, code = colored // _PIXELS, code.reshape(-1)[colored]
    bins = np.bincount(image * _CODES + code, minlength=len(pixels) * _CODES).reshape(-1, _CODES)
    total = np.cumsum(np.concatenate([bins[:, -_AROUND:], bins, bins[:, :_AROUND]], axis=1), axis=1)
    stretch = total[:, 2 * _AROUND :] - np.pad(total, ((0, 0), (1, 0)))[:, :_CODES]
    best, most = stretch.argmax(axis=1), stretch.max(axis=1)
    # Codes wrap around at 256 as the circle does.
    near = np.flatnonzero(code - (best - _AROUND).astype(np.uint8)[image] <= 2 * _AROUND)
    center = best * (360 / _CODES)
    apart = _degrees(np.take(pixels.reshape(-1, 3), colored[near], axis=0)) - center[image[near]]
    apart -= 360 * (apart >= 180)  # the remainder of a division would take five times as long
    apart += 360 * (apart < -180)
    away = np.zeros(mask.shape)
    away.reshape(-1)[colored[near]] = apart
    mean = away.sum(axis=1) / np.maximum(most, 1)
    share = most / mask.sum(axis=1)
    # Rounded, so that what lies on the border between two names does not depend on the last bit.
    found = np.mod(np.round(center + mean, 2), 360)
    return {
        "hue": np.where(share >= _DOMINANT, found, -1).astype(np.float32),
        "hue_share": share.astype(np.float32),
        "colorful": _means(saturation / np.float32(255)),
    }


def _degrees(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(K,) the hue of pixels (K, 3); in whole rows, of which the last few pixels are computed as all others are."""
    rows = np.zeros((-(-len(pixels) // _PIXELS), _PIXELS, 3), np.float32)
    if not len(rows):
        return np.zeros(0, np.float32)
    np.divide(pixels, 255, out=rows.reshape(-1, 3)[: len(pixels)], dtype=np.float32)
    return cv2.split(cv2.cvtColor(rows, cv2.COLOR_RGB2HSV))[0].reshape(-1)[: len(pixels)]  # type: ignore[return-value]


def _border(gray: NDArray[np.uint8], color: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, 36) of the ring: histogram of 27 colours, mean and deviation of RGB, and three numbers of texture."""
    rings = [np.take(plane, RING, axis=1) for plane in cv2.split(color.reshape(-1, _PIXELS, 3))]
    red, green, blue = (_THIRD[ring] for ring in rings)
    codes = red * 9 + green * 3 + blue
    histogram = np.sqrt(_histograms(codes, 27) / len(RING))
    planes = np.stack(rings, axis=1).astype(np.float32)
    mean = _means(planes)
    deviation = np.sqrt(np.maximum(_means(planes * planes) - mean * mean, 0))
    signed = gray.astype(np.int16)
    across = np.abs(signed[:, :-1, 1:] - signed[:, :-1, :-1])
    down = np.abs(signed[:, 1:, :-1] - signed[:, :-1, :-1])
    rough = np.zeros(gray.shape, np.uint8)
    rough[:, :-1, :-1] = np.maximum(across, down)
    texture = np.take(rough.reshape(-1, _PIXELS), RING, axis=1)
    strength = texture.astype(np.float32)
    mean_rough = _means(strength)
    uneven = np.sqrt(np.maximum(_means(strength * strength) - mean_rough * mean_rough, 0))
    often = np.count_nonzero(texture > _ROUGH, axis=1) / len(RING)
    parts = [histogram, mean / 255, deviation / 255, np.stack([mean_rough / 32, uneven / 32, often], axis=1)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean over the last axis, summed for each row alone so that it does not depend on the other rows."""
    return values.mean(axis=-1, dtype=np.float32)  # type: ignore[no-any-return]


def _histograms(codes: NDArray[Any], bins: int) -> NDArray[np.intp]:
    """(B, bins) how often each row has each code."""
    offset = np.arange(0, len(codes) * bins, bins, dtype=np.intp)[:, None]
    return np.bincount((codes + offset).ravel(), minlength=len(codes) * bins).reshape(-1, bins)
