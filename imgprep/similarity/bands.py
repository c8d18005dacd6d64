"""Multi-index search for near hashes: bands of bits in which every pair within a Hamming distance must agree.

Two hashes that differ in at most d bits differ in at most d of m bands of bits, so they agree in m - d of them. For
every choice of m - d bands the hashes are sorted by those bits; near pairs are among the neighbours with equal bits. A
second family has d // 2 + 1 bands, one of which differs in at most one bit. Which m is cheapest depends on the number
of hashes: more bands are more passes with fewer candidates each. See Norouzi, Punjani and Fleet, "Fast Exact Search in
Hamming Space with Multi-Index Hashing", 2014, for the idea; the choice of several bands is what keeps 10^7 hashes
affordable.
"""

import math
from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS: Final = 64
_MOST_BANDS: Final = 16
_PAIRS: Final = 1 << 17
"""Candidates of one block."""
_ROWS: Final = 1 << 15
"""Hashes of which candidates are sought at once."""
_TABLE_BITS: Final = 20
_SORT: Final = 5.0
_SEARCH: Final = 8.0
_COMPARE: Final = 12.0
"""Measured nanoseconds: to sort or to bisect, for each hash and bit of their number; and for each candidate."""

Rows = NDArray[np.integer]
Band = tuple[int, int]


class Pass(NamedTuple):
    """One sorting of the hashes.

    Attributes:
        bands: ranges of bits [low, high) that form the key.
        flips: keys that differ by one of these are candidates; 0 for equal keys.
    """

    bands: tuple[Band, ...]
    flips: tuple[int, ...]

    @property
    def bits(self) -> int:
        """The number of bits of a key."""
        return sum(high - low for low, high in self.bands)

    def keys(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """(N,) the bits of all bands, side by side."""
        key, shift = np.zeros(len(hashes), np.uint64), 0
        for low, high in self.bands:
            key |= ((hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)) << np.uint64(shift)
            shift += high - low
        return key


def passes(distance: int, count: int, queries: int | None = None) -> tuple[Pass, ...]:
    """The cheapest passes among whose candidates are all pairs within a distance.

    Args:
        distance: 1 or more.
        count: of the hashes that are sorted.
        queries: the number of hashes to look up; None to compare the sorted hashes with each other.
    """
    limit = BITS - count.bit_length()  # key and position share one number
    costs: dict[int, float] = {}
    for bands in range(distance + 1, max(_MOST_BANDS, distance + 1) + 1):
        chosen = bands - distance
        if chosen * math.ceil(BITS / bands) <= limit:
            costs[bands] = math.comb(bands, chosen) * _cost(BITS * chosen / bands, 1, count, queries)
    cheapest = min(costs, key=costs.__getitem__)
    halves = distance // 2 + 1
    flips = 1 + BITS / halves
    if BITS / halves <= limit and halves * _cost(BITS / halves, flips, count, queries) < costs[cheapest]:
        return _flipped(halves)
    return _agreeing(cheapest, cheapest - distance)


def _cost(bits: float, flips: float, count: int, queries: int | None) -> float:
    """Estimated nanoseconds of one pass with a number of flips, for uniformly distributed hashes."""
    depth = math.log2(count + 2)
    asked, pairs = (count, count / 2) if queries is None else (queries, queries)
    searched = flips if queries is not None or flips > 1 else 0
    compared = count * pairs * flips * math.pow(2, -bits)
    return count * depth * _SORT + asked * depth * _SEARCH * searched + compared * _COMPARE


def _edges(bands: int) -> list[Band]:
    return list(pairwise(np.linspace(0, BITS, bands + 1).astype(int).tolist()))


def _agreeing(bands: int, chosen: int) -> tuple[Pass, ...]:
    """Near pairs agree in some number of the bands."""
    return tuple(Pass(each, (0,)) for each in combinations(_edges(bands), chosen))


def _flipped(bands: int) -> tuple[Pass, ...]:
    """Near pairs differ by at most one bit in one of the bands."""
    return tuple(Pass(((low, high),), (0, *(1 << bit for bit in range(high - low)))) for low, high in _edges(bands))


class SortedHashes:
    """Hashes in the order of their keys.

    Attributes:
        order: (N,) int32, the positions of the hashes.
        hashes: (N,) in that order.
    """

    __slots__ = ("_keys", "_search", "_table", "hashes", "order")

    def __init__(self, hashes: NDArray[np.uint64], search: Pass) -> None:
        # Key and position in one number: numpy sorts numbers several times as fast as it finds the order of keys.
        shift = np.uint64(len(hashes).bit_length())
        packed = search.keys(hashes) << shift
        packed |= np.arange(len(hashes), dtype=np.uint64)
        packed.sort()
        self.order: Rows = (packed & ((np.uint64(1) << shift) - np.uint64(1))).astype(np.int32)
        self.hashes = hashes[self.order]
        packed >>= shift
        self._keys = packed
        self._search = search
        self._table: NDArray[np.intp] | None = None

    def pairs(self) -> Iterator[tuple[Rows, Rows]]:
        """Yields candidates in blocks: places (a, b), a < b, in the sorted order; each pair once for each flip."""
        for flip in map(np.uint64, self._search.flips):
            for row in range(0, len(self._keys), _ROWS):
                # Only the later key of a pair looks back; without a flip that is the part of its run before it.
                wanted = self._keys[row : row + _ROWS] ^ flip
                own = np.arange(row, row + len(wanted))
                start = np.searchsorted(self._keys, wanted, side="left") if flip else self._run_starts(own)
                end = np.searchsorted(self._keys, wanted, side="right") if flip else own
                count = np.where(start < own, end - start, 0)
                for left, right in _expanded(start, count):
                    yield left, right + np.int32(row)

    def near(self, others: NDArray[np.uint64], distance: int) -> Iterator[tuple[Rows, Rows]]:
        """Yields the candidates within a distance in blocks: their positions among the hashes and in the others."""
        for row in range(0, len(others), _ROWS):
            wanted = self._search.keys(others[row : row + _ROWS])
            for flip in map(np.uint64, self._search.flips):
                start, count = self._places(wanted ^ flip)
                some = np.flatnonzero(count)
                asked = others[some + row]
                for left, right in _expanded(start[some], count[some]):
                    apart = np.take(self.hashes, left)
                    apart ^= np.take(asked, right)
                    near = np.flatnonzero(bit_count(apart) <= distance)
                    yield self.order[left[near]], some[right[near]] + row

    def _run_starts(self, own: NDArray[np.intp]) -> NDArray[np.intp]:
        """The first place with the same key, for places in sequence."""
        first = int(np.searchsorted(self._keys, self._keys[own[0]], side="left"))
        keys = self._keys[own[0] : own[0] + len(own)]
        starts = np.full(len(own), first)
        starts[1:] = np.where(keys[1:] != keys[:-1], own[1:], first)
        return np.maximum.accumulate(starts)

    def _places(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(first place, count) of each key: by a table for few bits, else by bisection."""
        if self._search.bits > _TABLE_BITS:
            start = np.searchsorted(self._keys, keys, side="left")
            return start, np.searchsorted(self._keys, keys, side="right") - start
        if self._table is None:
            self._table = np.searchsorted(self._keys, np.arange(2**self._search.bits + 1, dtype=np.uint64))
        index = keys.astype(np.intp)
        return self._table[index], self._table[index + 1] - self._table[index]


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
