"""Clusters of perceptual hashes within a Hamming distance of each other.

Memory is linear in the number of hashes, some 60 bytes each: positions take 4 bytes, and candidates come in blocks.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.bands import Rows, SortedHashes, bit_count, passes
from imgprep.similarity.union_find import unite

MAX_DISTANCE: Final = 10
"""The largest supported distance; beyond it unrelated photographs match by chance."""
_CHAIN: Final = 50
_UNITED: Final = 1 << 22
"""Near pairs that are held before they are united: each time costs a pass over all hashes."""


def near_duplicate_clusters(hashes: NDArray[np.uint64], distance: int) -> Rows:
    """Joins hashes that differ in at most `distance` bits, directly or through others.

    Not all pairs are compared: see `imgprep.similarity.bands`. The result is exact, and memory is linear.

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
    distinct = _distinct(hashes)
    joined = _joined(distinct.unique, distance, len(hashes))
    assert joined is not None  # no cluster is larger than all hashes
    return _named(joined, distinct.first)[distinct.inverse]


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
    distinct = _distinct(hashes)
    # One row per distinct hash: many equal hashes are not a chain.
    most = max(_CHAIN, len(distinct.first) // 100)
    while (joined := _joined(distinct.unique, distance, most)) is None:
        distance //= 2
    return _named(joined, distinct.first)[distinct.inverse], distance


class HashIndex:
    """Hashes in which near ones are sought.

    Args:
        hashes: (N,).
        distance: 1 to `MAX_DISTANCE`.
        queries: about how many hashes will be looked up in all.
    """

    def __init__(self, hashes: NDArray[np.uint64], distance: int, queries: int) -> None:
        self._sorted = [SortedHashes(hashes, search) for search in passes(distance, len(hashes), queries)]
        self._distance = distance

    def near(self, others: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yields every pair of an indexed hash and one of the others, in blocks; some pairs come several times.

        Args:
            others: (M,).

        Yields:
            (P,) positions in the index, and (P,) in `others`.
        """
        for found in self._sorted:
            for left, right in found.near(others, self._distance):
                yield left.astype(np.intp), right.astype(np.intp)


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


def _joined(unique: NDArray[np.uint64], distance: int, most: int) -> Rows | None:
    """(N,) int32, the smallest position of each distinct hash's cluster; None if a cluster has more than `most`."""
    parent = np.arange(len(unique), dtype=np.int32)
    if not distance:
        return parent
    for left, right in _gathered(_near(unique, distance)):
        unite(parent, left, right)
        if np.bincount(parent).max() > most:
            return None
    return parent


def _near(hashes: NDArray[np.uint64], distance: int) -> Iterator[tuple[Rows, Rows]]:
    """Yields all pairs of positions within a distance, in blocks; some pairs come several times."""
    for search in passes(distance, len(hashes)):
        found = SortedHashes(hashes, search)
        for left, right in found.pairs():
            near = np.flatnonzero(bit_count(found.hashes[left] ^ found.hashes[right]) <= distance)
            if len(near):
                yield found.order[left[near]], found.order[right[near]]


def _gathered(pairs: Iterator[tuple[Rows, Rows]]) -> Iterator[tuple[Rows, Rows]]:
    """The same pairs in blocks of `_UNITED` or more."""
    held: list[tuple[Rows, Rows]] = []
    count = 0
    for left, right in pairs:
        held.append((left, right))
        count += len(left)
        if count >= _UNITED:
            yield _concatenated(held)
            held, count = [], 0
    if held:
        yield _concatenated(held)


def _concatenated(held: list[tuple[Rows, Rows]]) -> tuple[Rows, Rows]:
    left, right = zip(*held, strict=True)
    return np.concatenate(left), np.concatenate(right)
