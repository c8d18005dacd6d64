"""Gives every part its quota of every class, as closely as images that must stay together allow."""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.stages.split.allocate import UNUSED, Units, extremes
from imgprep.table.columns import blocks
from imgprep.util.native import native_module

BLOCK: Final = 1 << 16


class Members(NamedTuple):
    """The classes of units, with their numbers of rows.

    Attributes:
        ends: (U,) where the entries of each unit end; the next unit's begin there.
        labels: (E,) the class of each entry, rising within a unit.
        counts: (E,) rows of the unit in that class.
    """

    ends: NDArray[np.int64]
    labels: NDArray[np.int64]
    counts: NDArray[np.int64]


def stratify(labels: NDArray[np.integer], units: Units, targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Assigns units to parts so that each part gets its quota of every class as closely as the units allow.

    Args:
        labels: (N,) class of each row, 0 .. K - 1.
        units: that must stay whole.
        targets: (P, K) wanted rows of each class in each part; the columns sum to the sizes of the classes.

    Returns:
        (N,) part of each row.
    """
    need = targets.astype(np.int64)
    part_of_unit = np.full(len(units.sizes), UNUSED, np.int64)
    sizes = units.sizes[units.order]
    large = _largest_first(units.order[sizes > 1], sizes[sizes > 1])
    if len(large):
        part_of_unit[large] = place(members_of(labels, units, large, need.shape[1]), need)
    label = np.zeros(len(units.sizes), np.int64)
    label[units.of_row] = labels
    singles = units.order[sizes == 1]
    _deal(singles, label[singles], need, part_of_unit)
    return part_of_unit[units.of_row]


def _largest_first(units: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The units by falling size; those of one size in the order that they came in."""
    smaller = sizes.max(initial=0) - sizes
    return units[np.argsort(_narrow(smaller), kind="stable")]


def _narrow(numbers: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """The same numbers in as few bytes as they need: a stable sort of two bytes goes by digits, ten times as fast."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _deal(
    singles: NDArray[np.int64], labels: NDArray[np.int64], need: NDArray[np.int64], part_of_unit: NDArray[np.int64]
) -> None:
    """Fills the remaining quotas of each class with single images, in order; the first part takes the rest."""
    by_label = np.argsort(_narrow(labels), kind="stable")
    counts = np.bincount(labels, minlength=need.shape[1])
    start = 0
    for label, count in enumerate(counts.tolist()):
        mine = singles[by_label[start : start + count]]
        start += count
        taken = 0
        for part in range(len(need) - 1, 0, -1):
            want = min(max(int(need[part, label]), 0), count - taken)
            part_of_unit[mine[taken : taken + want]] = part
            taken += want
        part_of_unit[mine[taken:]] = 0


def members_of(labels: NDArray[np.integer], units: Units, some: NDArray[np.int64], classes: int) -> Members:
    """The classes of some units, in their order.

    Args:
        labels: (N,) class of each row.
        units: of the rows.
        some: numbers of units.
        classes: K.
    """
    lowest, highest = extremes(labels, units.of_row, len(units.sizes))
    mixed = lowest[some] < highest[some]
    place_of = np.full(len(units.sizes), -1, np.int64)
    place_of[some[mixed]] = np.arange(int(mixed.sum()))
    rows = np.flatnonzero(place_of[units.of_row] >= 0)
    pairs, counts = np.unique(place_of[units.of_row[rows]] * classes + labels[rows], return_counts=True)
    of_mixed, label = np.divmod(pairs, classes)
    entries = np.ones(len(some), np.int64)
    entries[mixed] = np.bincount(of_mixed, minlength=int(mixed.sum()))
    several = np.repeat(mixed, entries)
    members = Members(np.cumsum(entries), np.empty(len(several), np.int64), np.empty(len(several), np.int64))
    members.labels[several], members.counts[several] = label, counts
    alone = some[~mixed]
    members.labels[~several], members.counts[~several] = lowest[alone], units.sizes[alone]
    return members


def place(members: Members, need: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places units one after the other where they overshoot least and are wanted most.

    Args:
        members: of the units.
        need: (P, K) the rows of each class that each part still needs; changed in place, below 0 where it gets more.

    Returns:
        (U,) the part of each unit.
    """
    wanted = np.maximum(need, 1)
    kernel = native_module()
    # The native code divides floats, which hold whole numbers up to 2**53.
    exact = int(members.counts.max(initial=0)) * int(wanted.max(initial=1)) < 1 << 53
    if exact and kernel is not None and hasattr(kernel, "place_units"):  # not an earlier build
        left, chosen = np.ascontiguousarray(need), np.empty(len(members.ends), np.int64)
        kernel.place_units(*members, left, wanted, chosen, len(need))
        need[:] = left
        return chosen
    return _placed(members, need, wanted)


def _placed(members: Members, need: NDArray[np.int64], wanted_rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """What `place` does, without the native code."""
    # Plain lists: a unit has a few rows, for which numpy is ten times slower.
    left = need.T.tolist()
    wanted = wanted_rows.T.tolist()
    ends = np.concatenate([[0], members.ends])
    parts = np.empty(len(members.ends), np.int64)
    for block in blocks(len(parts), BLOCK):
        first, last = int(ends[block.start]), int(ends[block.stop])
        labels, counts = members.labels[first:last].tolist(), members.counts[first:last].tolist()
        parts[block] = [
            _place(labels[start:end], counts[start:end], left, wanted)
            for start, end in pairwise((ends[block.start : block.stop + 1] - first).tolist())
        ]
    need[:] = np.transpose(left)
    return parts


def _place(labels: list[int], counts: list[int], left: list[list[int]], wanted: list[list[int]]) -> int:
    """Takes the rows of a unit from what its best part still needs.

    Args:
        labels: its classes.
        counts: its rows of each.
        left: what is missing in each part, by class; changed in place.
        wanted: the same before anything was placed, at least 1.

    Returns:
        The part with the fewest rows beyond the quotas; of those, the one that needs the classes most.
    """
    if len(labels) == 1:
        part = _fitting(counts[0], left[labels[0]], wanted[labels[0]])
    else:
        rows = [(count, left[label], wanted[label]) for label, count in zip(labels, counts, strict=True)]
        part = min(range(len(rows[0][1])), key=lambda part: _misfit(rows, part))
    for label, count in zip(labels, counts, strict=True):
        left[label][part] -= count
    return part


def _fitting(size: int, left: list[int], wanted: list[int]) -> int:
    """The part with the least `_misfit` for a unit of a single class, the commonest case."""
    best, least, most = 0, size + 1, 0.0
    for part, missing in enumerate(left):
        over = max(size - missing, 0) if missing > 0 else size
        if over > least:
            continue
        eager = missing / wanted[part] if missing > 0 else 0.0
        if over < least or eager > most:
            best, least, most = part, over, eager
    return best


def _misfit(unit: list[tuple[int, list[int], list[int]]], part: int) -> tuple[int, float]:
    """Rates how badly a unit fits a part: rows beyond the quotas, then how little the part still needs its classes.

    Args:
        unit: for each class the unit's rows, what is missing in each part and what was wanted.
        part: the part.
    """
    over, eager = 0, 0.0
    for count, left, wanted in unit:
        missing = max(left[part], 0)
        over += max(count - missing, 0)
        eager += count * missing / wanted[part]
    return over, -eager
