"""Assigns images to splits: pure functions over columns.

Images that must stay together (a group, a cluster of near-duplicates) form a *unit*; units are assigned, never images.
The order in which units are assigned depends only on the seed and the ids, never on the order of the listing.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.union_find import unite
from imgprep.table.columns import StringColumn

TRAIN: Final = 0
VALIDATION: Final = 1
TEST: Final = 2
NAMES: Final = ("train", "validation", "test")
UNUSED: Final = -1
TRAIN_NAME: Final = NAMES[TRAIN]


@dataclass(frozen=True, slots=True)
class Units:
    """Rows joined into units.

    Attributes:
        of_row: (N,) the unit of each row, 0 .. U - 1.
        order: (U,) units in the order of assignment, shuffled by the seed.
        sizes: (U,) number of rows in each unit.
    """

    of_row: NDArray[np.int64]
    order: NDArray[np.int64]
    sizes: NDArray[np.int64]


def round_half_up(value: float) -> int:
    """Rounds to the nearest whole number, halves up.

    >>> [round_half_up(x) for x in (2.4, 2.5, 2.6)]
    [2, 3, 3]
    """
    return math.floor(value + 0.5)


def auto_fraction(images: int) -> float:
    """The fraction for the test split by the size of the collection (Handbook, part 6).

    >>> auto_fraction(999), auto_fraction(1000), auto_fraction(10_000)
    (0.2, 0.1, 0.05)
    """
    return 0.2 if images < 1000 else 0.1 if images < 10_000 else 0.05


def keys(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """(N,) a 64-bit hash of each id and the seed, uniformly distributed."""
    blake = hashlib.blake2b
    salt = seed.to_bytes(8, "little", signed=True)
    texts = ids.encoded() if isinstance(ids, StringColumn) else (id_.encode("utf-8", "surrogateescape") for id_ in ids)
    joined = bytearray()
    for text in texts:
        joined += blake(text, digest_size=8, key=salt).digest()
    return np.frombuffer(joined, "<u8").astype(np.uint64, copy=False)


def join(rows: int, *relations: NDArray[np.integer]) -> NDArray[np.int64]:
    """Joins rows that share a value in any relation.

    Args:
        rows: N.
        relations: each (N,), equal values belong together; a negative value joins nothing.

    Returns:
        (N,) the number of each row's unit, numbered in order of first appearance.
    """
    unit = np.arange(rows, dtype=np.int64)
    for relation in relations:
        bound = np.flatnonzero(relation >= 0)
        first = np.full(int(relation.max(initial=-1)) + 1, rows, np.int64)
        np.minimum.at(first, relation[bound], bound)
        unite(unit, bound, first[relation[bound]])
    inverse: NDArray[np.int64] = np.unique(unit, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return inverse


def make_units(key: NDArray[np.uint64], of_row: NDArray[np.int64]) -> Units:
    """Orders units by the smallest key of their rows."""
    count = int(of_row.max(initial=-1)) + 1
    smallest = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, of_row, key)
    return Units(of_row, np.argsort(smallest, kind="stable"), np.bincount(of_row, minlength=count))


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
    _assign_large(labels, units, need, part_of_unit)
    single_label = np.zeros(len(units.sizes), np.int64)
    single_label[units.of_row] = labels
    singles = units.order[units.sizes[units.order] == 1]
    _deal(singles, single_label[singles], need, part_of_unit)
    return part_of_unit[units.of_row]


def _deal(
    singles: NDArray[np.int64], labels: NDArray[np.int64], need: NDArray[np.int64], part_of_unit: NDArray[np.int64]
) -> None:
    """Fills the remaining quotas of each class with single images, in order; the first part takes the rest."""
    by_label = np.argsort(labels, kind="stable")
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


def _assign_large(
    labels: NDArray[np.integer], units: Units, need: NDArray[np.int64], part_of_unit: NDArray[np.int64]
) -> None:
    """Places units of several rows, the largest first, where they overshoot least and are wanted most."""
    large = units.order[units.sizes[units.order] > 1]
    if not len(large):
        return
    large = large[np.argsort(-units.sizes[large], kind="stable")]
    label, members = _members(labels, units, large)
    # Plain lists: a unit has a few rows, for which numpy is ten times slower.
    left = need.tolist()
    wanted = np.maximum(need, 1).tolist()
    parts = range(len(left))
    chosen = []
    for unit, (size, only) in enumerate(zip(units.sizes[large].tolist(), label.tolist(), strict=True)):
        if only >= 0:
            part = _fitting(only, size, left, wanted)
            left[part][only] -= size
        else:
            counts = sorted(Counter(members[unit]).items())
            part = min(parts, key=lambda part: _misfit(counts, left[part], wanted[part]))
            for each, count in counts:
                left[part][each] -= count
        chosen.append(part)
    part_of_unit[large] = chosen
    need[:] = left


def _members(
    labels: NDArray[np.integer], units: Units, large: NDArray[np.int64]
) -> tuple[NDArray[np.int64], dict[int, list[int]]]:
    """(label of each large unit, -1 when mixed; unit -> labels of its rows, for mixed units)."""
    count = len(units.sizes)
    lowest, highest = np.full(count, np.iinfo(np.int64).max), np.full(count, -1, np.int64)
    np.minimum.at(lowest, units.of_row, labels)
    np.maximum.at(highest, units.of_row, labels)
    label = np.where(lowest == highest, lowest, -1)[large]
    place = np.full(count, -1, np.int64)
    several = np.flatnonzero(label < 0)
    place[large[several]] = several
    mixed = place[units.of_row]
    rows = np.flatnonzero(mixed >= 0)
    rows = rows[np.argsort(mixed[rows], kind="stable")]
    ends = np.cumsum(units.sizes[large[several]]).tolist()
    values = labels[rows]
    starts = [0, *ends][:-1]
    cut = zip(several.tolist(), starts, ends, strict=True)
    return label, {unit: values[start:end].tolist() for unit, start, end in cut}


def _fitting(label: int, size: int, left: list[list[int]], wanted: list[list[int]]) -> int:
    """The part with the least `_misfit` for a unit of a single label, the commonest case."""
    best, least, most = 0, size + 1, 0.0
    for part, row in enumerate(left):
        missing = max(row[label], 0)
        over, eager = max(size - missing, 0), missing / wanted[part][label]
        if over < least or (over == least and eager > most):
            best, least, most = part, over, eager
    return best


def _misfit(counts: list[tuple[int, int]], left: list[int], wanted: list[int]) -> tuple[int, float]:
    """Rates how badly a unit fits a part: rows beyond the quotas, then how little the part still needs its classes."""
    over, eager = 0, 0.0
    for label, count in counts:
        missing = max(left[label], 0)
        over += max(count - missing, 0)
        eager += count * missing / wanted[label]
    return over, -eager


def fold_targets(labels: NDArray[np.integer], classes: int, folds: int) -> NDArray[np.int64]:
    """(folds, K) rows of each class in each fold: equal shares, with the remainders dealt round the folds."""
    counts = np.bincount(labels, minlength=classes)
    targets = np.repeat((counts // folds)[np.newaxis], folds, axis=0)
    fold = 0
    for label, rest in enumerate((counts % folds).tolist()):
        for _ in range(rest):
            targets[fold % folds, label] += 1
            fold += 1
    return targets


def by_hash(key: NDArray[np.uint64], units: Units, test: float, validation: float) -> NDArray[np.int64]:
    """Assigns every unit by its own hash alone, so that it never moves when images are added.

    Args:
        key: (N,) from `keys`.
        units: that must stay whole; a unit counts as its smallest key.
        test: fraction for the test split.
        validation: fraction of the remaining images for the validation split.

    Returns:
        (N,) int64, the split of each row.
    """
    place = _places(key, units)
    parts = np.where(place < test, TEST, np.where(place < test + (1 - test) * validation, VALIDATION, TRAIN))
    return parts[units.of_row].astype(np.int64)


def part_by_hash(key: NDArray[np.uint64], units: Units, share: float) -> NDArray[np.bool_]:
    """(N,) whether each row is in a subset of about this share, decided by its unit's hash alone; see `by_hash`.

    The subset is independent of the split of a unit.
    """
    # A key rotated by half of its bits is an independent number of the same quality.
    turned = (key << np.uint64(32)) | (key >> np.uint64(32))
    return np.less(_places(turned, units), share)[units.of_row]


def _places(key: NDArray[np.uint64], units: Units) -> NDArray[np.float64]:
    """(U,) a number in [0, 1) for each unit, from its smallest key."""
    smallest = np.full(len(units.sizes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, units.of_row, key)
    # A second hash: the smallest of several keys is not uniform.
    mixed = (smallest * np.uint64(0x9E3779B97F4A7C15)) ^ (smallest >> np.uint64(29))
    mixed = (mixed * np.uint64(0xBF58476D1CE4E5B9)) ^ (mixed >> np.uint64(32))
    return mixed / float(2**64)
