"""Which images look alike: a 64-bit perceptual hash, and clusters of hashes within a Hamming distance."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.disjoint import unite

MAX_DISTANCE: Final = 10
"""The largest distance that can be asked for; beyond it unrelated photographs meet by chance."""
_SIDE: Final = 32
_EXACT_BANDS: Final = 5
_PAIRS: Final = 1 << 21
_CHAIN: Final = 50
_SCALE: Final = 1 << 12
_TABLE_BITS: Final = 20


def dct_hash(gray: NDArray[np.uint8]) -> int:
    """The hash of one image: see `dct_hashes`.

    Args:
        gray: (H, W) uint8.
    """
    if gray.shape != (_SIDE, _SIDE):
        down, across = (_averaging(length) for length in gray.shape)
        gray = np.rint(down @ gray.astype(np.float64) @ across.T).astype(np.uint8)
    return int(dct_hashes(gray[None])[0])


def dct_hashes(gray: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hashes that small changes of size, brightness and compression leave nearly alone.

    Each bit says whether one of the 64 lowest frequencies of the discrete cosine transform, the mean left out, is above
    their median. (The idea is pHash's: C. Zauner, 2010.)

    Args:
        gray: (N, 32, 32) uint8: the images, averaged to this size.

    Returns:
        (N,) 64 bits each. Constant images have the hash 0.
    """
    return _bits(gray.reshape(-1, _SIDE * _SIDE).astype(np.float64) @ _basis())


def variant_hashes(gray: NDArray[np.uint8], *, crops: bool = True) -> NDArray[np.uint64]:
    """The hashes that copies of the images may have: mirrored, and cut a little on any sides.

    Mirroring changes the sign of every odd horizontal frequency, and a cut is another set of waves, so no pixel moves.

    Args:
        gray: (N, 32, 32) uint8.
        crops: whether to cut: a 32nd of the side, on each of the 16 choices of sides, no side being the first.

    Returns:
        (N, V): of each cut (one, or 16) the hash, then that of the mirror image; the first column is `dct_hashes`.
    """
    flat = gray.reshape(-1, _SIDE * _SIDE).astype(np.float64)
    sign = np.array([-1.0 if across % 2 else 1.0 for _, across in _frequencies()])
    cuts = list(product((0, 1), repeat=4)) if crops else [(0, 0, 0, 0)]
    columns = (_bits(low * way) for cut in cuts for low in [flat @ _basis(cut)] for way in (1.0, sign))
    return np.stack(list(columns), axis=1)


def _bits(low: NDArray[np.float64]) -> NDArray[np.uint64]:
    """(N,) for (N, 64) frequencies: which are above their median."""
    middle = np.partition(low, (31, 32), axis=1)[:, 31:33].sum(axis=1, keepdims=True) / 2
    return np.packbits(low > middle, axis=1).view(">u8").astype(np.uint64)[:, 0]


def _averaging(length: int) -> NDArray[np.float64]:
    """(32, length) the part that each pixel has in each of 32 equal stretches."""
    edges = np.arange(_SIDE + 1) * length / _SIDE
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: NDArray[np.float64] = np.maximum(overlap, 0) * _SIDE / length
    return weights


@lru_cache(maxsize=16)
def _basis(cut: tuple[int, ...] = (0, 0, 0, 0)) -> NDArray[np.float64]:
    """(1024, 64) the cosines of the lowest frequencies as whole numbers.

    Whole numbers make every sum exact, so that a hash depends neither on the order of summation nor on the machine.

    Args:
        cut: pixels that are left out at the top, bottom, left and right; the waves span the rest.
    """
    wave = np.cos(np.pi * (np.arange(_SIDE) + 0.5) * np.arange(_SIDE)[:, None] / _SIDE)
    down, across = wave @ _stretching(cut[0], cut[1]), wave @ _stretching(cut[2], cut[3])
    whole = [down[u][:, None] * across[v][None] for u, v in _frequencies()]
    return np.stack([np.rint(_SCALE * plane).ravel() for plane in whole], axis=1)


def _frequencies() -> list[tuple[int, int]]:
    """The 64 lowest: (vertical, horizontal)."""
    pairs = ((u, v) for u in range(_SIDE) for v in range(_SIDE) if u + v)
    return sorted(pairs, key=lambda uv: (uv[0] ** 2 + uv[1] ** 2, uv))[:64]


def _stretching(first: int, last: int) -> NDArray[np.float64]:
    """(32, 32) what makes 32 pixels of those between, linearly; the identity when nothing is cut."""
    place = np.clip(first + (np.arange(_SIDE) + 0.5) * (_SIDE - first - last) / _SIDE - 0.5, 0, _SIDE - 1)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(_SIDE)), 0)  # type: ignore[no-any-return]


def near_duplicate_clusters(hashes: NDArray[np.uint64], distance: int) -> NDArray[np.intp]:
    """Joins hashes that differ in at most so many bits, directly or through others.

    Not all pairs are compared: two hashes within a distance d agree in one of d+1 bands of bits (pigeonhole), or
    nearly so in one of half as many wider bands; only such candidates are checked, exactly. Memory is linear.

    Args:
        hashes: (N,) uint64.
        distance: 0 to `MAX_DISTANCE`.

    Returns:
        (N,) the cluster of each hash: the index of the first member.

    Raises:
        ValueError: the distance is out of range.
    """
    if not 0 <= distance <= MAX_DISTANCE:
        raise ValueError(f"distance: expected 0 to {MAX_DISTANCE}, got {distance}")
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    parent = np.arange(len(unique), dtype=np.intp)
    if distance:
        for left, right in _candidates(unique, distance):
            near = _bit_count(unique[left] ^ unique[right]) <= distance
            unite(parent, left[near], right[near])
    # The name of a cluster is its first member in the order of the caller, not in the order of the hashes.
    names = np.full(len(unique), len(hashes), np.intp)
    np.minimum.at(names, parent, first)
    return names[parent[inverse]]


def telling_clusters(hashes: NDArray[np.uint64], distance: int) -> tuple[NDArray[np.intp], int]:
    """`near_duplicate_clusters` at the largest distance, up to the one asked for, at which hashes tell images apart.

    Of simple pictures (digits, icons) the hashes lie so close that neighbours of neighbours join half of a collection.
    A cluster of many different hashes is such a chain, not a picture that is there many times; then the distance is
    halved.

    Args:
        hashes: (N,) uint64.
        distance: 0 to `MAX_DISTANCE`.

    Returns:
        (N,) the cluster of each hash as for `near_duplicate_clusters`, and the distance that was used.
    """
    unique, first = np.unique(hashes, return_index=True)
    most = max(_CHAIN, len(unique) // 100)
    while True:
        clusters = near_duplicate_clusters(hashes, distance)
        # One row of each different hash: many equal ones are no chain.
        if distance == 0 or np.bincount(clusters[first], minlength=1).max() <= most:
            return clusters, distance
        distance //= 2


def lookalike_clusters(variants: NDArray[np.uint64], distance: int) -> NDArray[np.intp] | None:
    """Joins images of which one has a variant within a distance of what the other is, directly or through others.

    Args:
        variants: (N, V) of `variant_hashes`.
        distance: 0 to `MAX_DISTANCE`.

    Returns:
        (N,) the cluster of each image: the index of the first member; None when the hashes do not tell the images
        apart, see `telling_clusters`.
    """
    unique, first, inverse = np.unique(variants[:, 0], return_index=True, return_inverse=True)
    parent = np.arange(len(unique), dtype=np.intp)
    most = max(_CHAIN, len(unique) // 100)
    # Images of the same hash are one, but each has variants of its own.
    for column in variants.T:
        for left, right in _crossing(unique, column, distance):
            near = _bit_count(unique[left] ^ column[right]) <= distance
            unite(parent, left[near], inverse[right[near]])
        # A chain shows in the first columns, long before all pairs of a dense collection are listed.
        if np.bincount(parent, minlength=1).max() > most:
            return None
    names = np.full(len(unique), len(variants), np.intp)
    np.minimum.at(names, parent, first)
    return names[parent[inverse]]


def _crossing(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs (position in `hashes`, position in `others`) that may be near, in blocks: see `_candidates`."""
    for low, high, flips in _bands(distance):
        mask = np.uint64(2 ** (high - low) - 1)
        keys = (hashes >> np.uint64(low)) & mask
        order = np.argsort(keys, kind="stable")
        places = _Places(keys[order], high - low)
        wanted = (others >> np.uint64(low)) & mask
        for flip in flips:
            start, count = places.of(wanted ^ np.uint64(flip))
            some = np.flatnonzero(count)
            for left, right in _expanded(start[some], count[some]):
                yield order[left], some[right]


class _Places:
    """Where values are in a sorted array: by a table for few bits, else by bisection."""

    def __init__(self, ordered: NDArray[np.uint64], bits: int) -> None:
        self._ordered = ordered
        self._table: NDArray[np.intp] | None = None
        if bits <= _TABLE_BITS:
            self._table = np.zeros(2**bits + 1, np.intp)
            np.cumsum(np.bincount(ordered.astype(np.intp), minlength=2**bits), out=self._table[1:])

    def of(self, values: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The first place of each value, and how many there are."""
        if self._table is not None:
            index = values.astype(np.intp)
            return self._table[index], self._table[index + 1] - self._table[index]
        start = np.searchsorted(self._ordered, values, side="left")
        return start, np.searchsorted(self._ordered, values, side="right") - start


def _bands(distance: int) -> Iterator[tuple[int, int, list[int]]]:
    """Bands of bits [low, high), and what to flip in them so that every near pair agrees in one."""
    exact = distance < _EXACT_BANDS
    bands = distance + 1 if exact else distance // 2 + 1
    edges = np.linspace(0, 64, bands + 1).astype(int).tolist()
    for low, high in pairwise(edges):
        yield low, high, [0] if exact else [0, *(1 << bit for bit in range(high - low))]


def _candidates(hashes: NDArray[np.uint64], distance: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of positions that may be near: all near pairs are among them, in blocks of bounded size."""
    for low, high, flips in _bands(distance):
        keys = ((hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)).astype(np.uint64)
        order = np.argsort(keys, kind="stable")
        for flip in flips:
            yield from _matches(keys[order], order, np.uint64(flip))


def _matches(
    keys: NDArray[np.uint64], order: NDArray[np.intp], flip: np.uint64
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs (a, b), a before b, whose sorted keys differ by exactly the flipped bits."""
    # Of each pair only the later key looks back; with no flip that is the part of its run before it.
    start = np.searchsorted(keys, keys ^ flip, side="left")
    end = np.searchsorted(keys, keys ^ flip, side="right") if flip else np.arange(len(keys))
    count = np.where(start < np.arange(len(keys)), end - start, 0)
    for left, right in _expanded(start, count):
        yield order[left], order[right]


def _expanded(start: NDArray[np.intp], count: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs (start[row] + 0 .. count[row] - 1, row) for every row, in blocks of bounded size."""
    total = np.cumsum(count)
    row = 0
    while row < len(count):
        done = total[row - 1] if row else 0
        stop = max(row + 1, int(np.searchsorted(total, done + _PAIRS, side="right")))
        block = count[row:stop]
        right = np.repeat(np.arange(row, stop), block)
        within = np.arange(len(right)) - np.repeat(np.cumsum(block) - block, block)
        yield np.repeat(start[row:stop], block) + within, right
        row = stop


def _bit_count(values: NDArray[np.uint64]) -> NDArray[np.uint8]:
    count = getattr(np, "bitwise_count", None)
    if count is not None:
        return count(values)  # type: ignore[no-any-return]
    # numpy before 2.0
    bits: NDArray[np.uint8] = np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1, dtype=np.uint8)
    return bits
