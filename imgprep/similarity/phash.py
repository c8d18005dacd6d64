"""A 64-bit perceptual hash of an image, and the lowest frequencies that it is made from."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.union_find import unite

_SIDE: Final = 32
_SCALE: Final = 1 << 12
WAVES: Final = 64
LIKENESS: Final = 0.99
"""Cosine between the waves of two images above which one counts as a blurred or re-encoded copy of the other."""
_PAIRS: Final = 1 << 22


def _lowest() -> NDArray[np.int64]:
    """(64, 2) the lowest frequencies: vertical, horizontal."""
    pairs = ((u, v) for u in range(_SIDE) for v in range(_SIDE) if u + v)
    return np.array(sorted(pairs, key=lambda uv: (uv[0] ** 2 + uv[1] ** 2, uv))[:WAVES])


FREQUENCIES: Final = _lowest()


def dct_hash(gray: NDArray[np.uint8]) -> int:
    """The hash of one image; see `dct_hashes`.

    Args:
        gray: (H, W) uint8.
    """
    if gray.shape != (_SIDE, _SIDE):
        down, across = (_averaging(length) for length in gray.shape)
        gray = np.rint(down @ gray.astype(np.float64) @ across.T).astype(np.uint8)
    return int(dct_hashes(gray[None])[0])


def dct_hashes(gray: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hashes that hardly change with size, brightness and compression.

    Each bit says whether one of the 64 lowest frequencies of the discrete cosine transform, without the mean, is above
    their median. (The idea is pHash's: C. Zauner, 2010.)

    Args:
        gray: (N, 32, 32) uint8: the images, averaged to this size.

    Returns:
        (N,) 64 bits each. Constant images have the hash 0.
    """
    return hashes_of(low_frequencies(gray))


def low_frequencies(gray: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N, 64) the lowest frequencies of the cosine transform of (N, 32, 32) images, without the mean; exact."""
    return gray.reshape(-1, _SIDE * _SIDE).astype(np.float64) @ _basis()


def hashes_of(low: NDArray[np.float64]) -> NDArray[np.uint64]:
    """(N,) uint64, the hash of each image from its `low_frequencies`; see `dct_hashes`."""
    # To sort 64 numbers by the processor's vector instructions takes a sixth of the time of finding two of them.
    middle = np.sort(low, axis=1)[:, 31:33].sum(axis=1, keepdims=True) / 2
    return np.packbits(low > middle, axis=1).view(">u8").astype(np.uint64)[:, 0]


def waves_of(low: NDArray[np.float64]) -> NDArray[np.int8]:
    """(N, 64) the `low_frequencies` of each image without brightness and contrast: vectors of length 127, or 0.

    The hash keeps only the side of the median of each frequency; this keeps its magnitude.
    """
    length = np.sqrt((low * low).sum(axis=1, keepdims=True))
    waves: NDArray[np.int8] = np.rint(127 * low / np.maximum(length, 1)).astype(np.int8)
    return waves


def copy_clusters(waves: NDArray[np.int8]) -> NDArray[np.intp]:
    """Joins images with waves in the same direction, directly or through others.

    Args:
        waves: (N, 64) from `waves_of`.

    Returns:
        (N,) the first row of each row's cluster.
    """
    directions = waves.astype(np.float32)
    directions /= np.maximum(np.sqrt((directions * directions).sum(axis=1, keepdims=True)), 1)
    first = np.arange(len(waves), dtype=np.intp)
    step = max(1, _PAIRS // max(1, len(waves)))
    for start in range(0, len(waves), step):
        left, right = np.nonzero(directions[start : start + step] @ directions.T > LIKENESS)
        unite(first, left + start, right)
    return first


def _averaging(length: int) -> NDArray[np.float64]:
    """(32, length) the weight of each pixel in each of 32 equal intervals."""
    edges = np.arange(_SIDE + 1) * length / _SIDE
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: NDArray[np.float64] = np.maximum(overlap, 0) * _SIDE / length
    return weights


@lru_cache(maxsize=1)
def _basis() -> NDArray[np.float64]:
    """(1024, 64) the cosines of the lowest frequencies as whole numbers.

    Whole numbers make every sum exact, so that a hash depends neither on the order of summation nor on the machine.
    """
    wave = np.cos(np.pi * (np.arange(_SIDE) + 0.5) * np.arange(_SIDE)[:, None] / _SIDE)
    whole = [wave[u][:, None] * wave[v][None] for u, v in FREQUENCIES.tolist()]
    return np.stack([np.rint(_SCALE * plane).ravel() for plane in whole], axis=1)


def stretching(first: float, last: float) -> NDArray[np.float64]:
    """(32, 32) the linear interpolation of 32 pixels from those between two cuts; the identity without cuts."""
    place = np.clip(first + (np.arange(_SIDE) + 0.5) * (_SIDE - first - last) / _SIDE - 0.5, 0, _SIDE - 1)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(_SIDE)), 0)  # type: ignore[no-any-return]
