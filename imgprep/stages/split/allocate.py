"""Assigns images to splits: pure functions over columns.

Images that must stay together (a group, a cluster of near-duplicates) form a *unit*; units are assigned, never images.
The order in which units are assigned depends only on the seed and the ids, never on the order of the listing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.union_find import unite
from imgprep.table.columns import StringColumn
from imgprep.table.text_hashes import text_hashes

TRAIN: Final = 0
VALIDATION: Final = 1
TEST: Final = 2
NAMES: Final = ("train", "validation", "test")
UNUSED: Final = -1
Number = TypeVar("Number", bound=np.integer)
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
    texts = ids if isinstance(ids, StringColumn) else StringColumn.of(ids)
    return text_hashes(texts, seed.to_bytes(8, "little", signed=True))


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
    # The value of a unit is the number of its first row.
    number = np.cumsum(unit == np.arange(rows)) - 1
    return number[unit]


def make_units(key: NDArray[np.uint64], of_row: NDArray[np.int64]) -> Units:
    """Orders units by the smallest key of their rows."""
    count = int(of_row.max(initial=-1)) + 1
    smallest = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, of_row, key)
    order = np.argsort(smallest)
    ranked = smallest[order]
    # A stable sort takes three times as long, and matters to equal keys alone, as two rows of one id have.
    if np.equal(ranked[1:], ranked[:-1]).any():
        order = np.argsort(smallest, kind="stable")
    return Units(of_row, order, np.bincount(of_row, minlength=count))


def extremes(values: NDArray[Number], of_row: NDArray[np.int64], count: int) -> tuple[NDArray[Number], NDArray[Number]]:
    """The lowest and the highest value of each unit; the lowest is above the highest where a unit has no row.

    Args:
        values: (N,) whole numbers.
        of_row: (N,) the unit of each row.
        count: of the units.
    """
    limits = np.iinfo(values.dtype)
    lowest, highest = np.full(count, limits.max, values.dtype), np.full(count, limits.min, values.dtype)
    np.minimum.at(lowest, of_row, values)
    np.maximum.at(highest, of_row, values)
    return lowest, highest


def part_of_units(units: Units, key: NDArray[np.uint64], rows: NDArray[np.bool_]) -> Units:
    """The units that some rows form, numbered in the same order.

    Args:
        units: of all rows.
        key: (N,) from `keys`.
        rows: (N,) which rows remain.
    """
    of_row = units.of_row[rows]
    sizes = np.bincount(of_row, minlength=len(units.sizes))
    kept = sizes > 0
    number = np.cumsum(kept) - 1
    if np.array_equal(sizes[kept], units.sizes[kept]):  # all whole, so that the smallest keys are the same
        return Units(number[of_row], number[units.order[kept[units.order]]], sizes[kept])
    return make_units(key[rows], number[of_row])


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
