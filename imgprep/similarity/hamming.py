"""Clusters of perceptual hashes within a Hamming distance of each other.

Memory is linear in the number of hashes, some 50 bytes each: positions take 4 bytes, and candidates come in blocks.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.union_find import unite

MAX_DISTANCE: Final = 10
"""The largest supported distance; beyond it unrelated photographs match by chance."""
_EXACT_BANDS: Final = 5
_PAIRS: Final = 1 << 17
_ROWS: Final = 1 << 15
_CHAIN: Final = 50
_TABLE_BITS: Final = 20

Rows = NDArray[np.integer]


def near_duplicate_clusters(hashes: NDArray[np.uint64], distance: int) -> Rows:
    """Joins hashes that differ in at most `distance` bits, directly or through others.

    Not all pairs are compared: two hashes within a distance d agree in one of d+1 bands of bits (pigeonhole), or
    nearly so in one of half as many wider bands; only such candidates are checked, exactly. Memory is linear.

    Args:
        hashes: (N,) uint64.
        distance: 0 to `MAX_DISTANCE`.

    Returns:
        (N,) int32, the cluster of each hash: the index of the first member.

    Raises:
        ValueError: the distance is out of range.
    """
    if not 0 <= distance <= MAX_DISTANCE:
        raise ValueError(f"distance: expected 0 to {MAX_DISTANCE}, got {distance}")
    unique, first, inverse = _distinct(hashes)
    parent = np.arange(len(unique), dtype=np.int32)
    if distance:
        for left, right in _candidates(unique, distance):
            near = bit_count(unique[left] ^ unique[right]) <= distance
            unite(parent, left[near], right[near])
    return _named(parent, first)[inverse]


def adaptive_clusters(hashes: NDArray[np.uint64], distance: int) -> tuple[Rows, int]:
    """`near_duplicate_clusters` at the largest distance, up to `distance`, at which hashes distinguish images.

    The hashes of simple pictures (digits, icons) are so similar that neighbours of neighbours join half of a
    collection. A cluster of many different hashes is such a chain, not one picture many times; then the distance is
    halved.

    Args:
        hashes: (N,) uint64.
        distance: 0 to `MAX_DISTANCE`.

    Returns:
        (N,) the cluster of each hash as for `near_duplicate_clusters`, and the distance that was used.
    """
    first = _distinct(hashes).first
    most = max(_CHAIN, len(first) // 100)
    while True:
        clusters = near_duplicate_clusters(hashes, distance)
        # One row per distinct hash: many equal hashes are not a chain.
        if distance == 0 or _largest(clusters[first]) <= most:
            return clusters, distance
        distance //= 2


def near_pairs(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yields every pair of a hash and one of the others within a distance, in blocks; some pairs come several times.

    Args:
        hashes: (N,).
        others: (M,).
        distance: 0 to `MAX_DISTANCE`.

    Yields:
        (P,) positions in `hashes`, and (P,) in `others`.
    """
    for left, right in _crossing(hashes, others, distance):
        near = bit_count(hashes[left] ^ others[right]) <= distance
        yield left[near].astype(np.intp), right[near].astype(np.intp)


class _Distinct(NamedTuple):
    """The distinct hashes, ascending; the first position of each; and the index of every hash among them."""

    unique: NDArray[np.uint64]
    first: Rows
    inverse: Rows


def _distinct(hashes: NDArray[np.uint64]) -> _Distinct:
    """Like `numpy.unique`, in half of its memory."""
    order = _order(hashes)
    ordered = hashes[order]
    new = np.ones(len(hashes), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    inverse = np.empty(len(hashes), np.int32)
    inverse[order] = np.cumsum(new, dtype=np.int32) - np.int32(1)
    return _Distinct(ordered[new], order[new], inverse)


def _order(values: NDArray[np.uint64]) -> Rows:
    """(N,) int32, a stable sorting order."""
    return np.argsort(values, kind="stable").astype(np.int32)


def _named(parent: Rows, first: Rows) -> Rows:
    """Names each cluster by its first member in the caller's order, not in the order of the hashes."""
    names = np.full(len(parent), np.iinfo(np.int32).max, np.int32)
    np.minimum.at(names, parent, first)
    return names[parent]


def _largest(clusters: Rows) -> int:
    """The size of the largest cluster."""
    return int(np.bincount(clusters, minlength=1).max())


def _crossing(hashes: NDArray[np.uint64], others: NDArray[np.uint64], distance: int) -> Iterator[tuple[Rows, Rows]]:
    """Yields pairs (position in `hashes`, position in `others`) that may be near, in blocks: see `_candidates`."""
    for low, high, flips in _bands(distance):
        order, keys = _sorted_band(hashes, low, high)
        places = _Places(keys, high - low)
        for row in range(0, len(others), _ROWS):
            wanted = _band(others[row : row + _ROWS], low, high)
            for flip in flips:
                start, count = places.of(wanted ^ np.uint64(flip))
                some = np.flatnonzero(count)
                for left, right in _expanded(start[some], count[some]):
                    yield order[left], some[right] + row


class _Places:
    """Finds values in a sorted array: by a table for few bits, else by bisection."""

    def __init__(self, ordered: NDArray[np.uint64], bits: int) -> None:
        self._ordered = ordered
        self._table: NDArray[np.intp] | None = None
        if bits <= _TABLE_BITS:
            self._table = np.searchsorted(ordered, np.arange(2**bits + 1, dtype=np.uint64))

    def of(self, values: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(first position, count) of each value."""
        if self._table is not None:
            index = values.astype(np.intp)
            return self._table[index], self._table[index + 1] - self._table[index]
        start = np.searchsorted(self._ordered, values, side="left")
        return start, np.searchsorted(self._ordered, values, side="right") - start


def _bands(distance: int) -> Iterator[tuple[int, int, list[int]]]:
    """Yields bands of bits [low, high) with the bit flips after which every near pair agrees in one band."""
    exact = distance < _EXACT_BANDS
    bands = distance + 1 if exact else distance // 2 + 1
    edges = np.linspace(0, 64, bands + 1).astype(int).tolist()
    for low, high in pairwise(edges):
        yield low, high, [0] if exact else [0, *(1 << bit for bit in range(high - low))]


def _band(hashes: NDArray[np.uint64], low: int, high: int) -> NDArray[np.uint64]:
    """(N,) the bits [low, high) of each hash."""
    return (hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)


def _sorted_band(hashes: NDArray[np.uint64], low: int, high: int) -> tuple[Rows, NDArray[np.uint64]]:
    """(order that sorts hashes by a band of bits, the sorted band)."""
    keys = _band(hashes, low, high)
    order = _order(keys)
    return order, keys[order]


def _candidates(hashes: NDArray[np.uint64], distance: int) -> Iterator[tuple[Rows, Rows]]:
    """Yields pairs of positions that may be near, among them all near pairs, in blocks of bounded size."""
    for low, high, flips in _bands(distance):
        order, keys = _sorted_band(hashes, low, high)
        for flip in flips:
            for left, right in _matches(keys, np.uint64(flip)):
                yield order[left], order[right]


def _matches(keys: NDArray[np.uint64], flip: np.uint64) -> Iterator[tuple[Rows, Rows]]:
    """Yields pairs (a, b), a < b, of positions with sorted keys that differ by exactly the flipped bits."""
    for row in range(0, len(keys), _ROWS):
        # Only the later key of a pair looks back; without a flip that is the part of its run before it.
        wanted = keys[row : row + _ROWS] ^ flip
        own = np.arange(row, row + len(wanted))
        start = np.searchsorted(keys, wanted, side="left")
        end = np.searchsorted(keys, wanted, side="right") if flip else own
        count = np.where(start < own, end - start, 0)
        for left, right in _expanded(start, count):
            yield left, right + row


def _expanded(start: NDArray[np.intp], count: NDArray[np.intp]) -> Iterator[tuple[Rows, Rows]]:
    """Yields pairs (start[row] + 0 .. count[row] - 1, row) for every row, in blocks of bounded size."""
    total = np.cumsum(count)
    row = 0
    while row < len(count):
        done = total[row - 1] if row else 0
        stop = max(row + 1, int(np.searchsorted(total, done + _PAIRS, side="right")))
        block = count[row:stop]
        right = np.repeat(np.arange(row, stop, dtype=np.int32), block)
        left = np.arange(len(right), dtype=np.int32)
        left += np.repeat((start[row:stop] - np.cumsum(block) + block).astype(np.int32), block)
        yield left, right
        row = stop


def bit_count(values: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(N,) number of set bits of each value."""
    count = getattr(np, "bitwise_count", None)
    if count is not None:
        return count(values)  # type: ignore[no-any-return]
    # numpy before 2.0
    bits: NDArray[np.uint8] = np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1, dtype=np.uint8)
    return bits
