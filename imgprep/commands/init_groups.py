"""Columns of a collection that look like groups of images, such as those of one patient, for `init`."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from imgprep.sources.column_names import TIERS, words_of
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import SampleTable

FEWEST: Final = 10
"""Groups that leave a choice of which go to test and validation."""
LARGEST: Final = 0.3
"""Share of the images that a group has at most, so that the splits come out about as large as asked for."""
_REPEATED: Final = 0.95
"""Groups for each image, at most; a column with more numbers the images."""
_CLASSES: Final = frozenset({"class", "label", "category", "breed", "species", "target", "type", "kind"})


class GroupColumn(NamedTuple):
    """A column that looks like groups.

    Attributes:
        name: of the column.
        groups: number of them.
        largest: images of the largest.
        filled: share of the images that have a group.
        fits: whether splits can be made of whole groups.
    """

    name: str
    groups: int
    largest: int
    filled: float
    fits: bool


def group_columns(table: SampleTable) -> list[GroupColumn]:
    """The columns that look like groups, by their names and because values repeat; the one to split by first.

    Those of the images' own subjects come first, such as patients, then those of when and where they were taken; among
    these the coarsest, since images of one patient are of one study too only by chance.

    Args:
        table: every entry of the collection.
    """
    usable = np.flatnonzero(table.ok())
    labels = table.label[usable]
    found = [
        (tier, column)
        for name, values in table.attributes.items()
        if name.casefold() != "split" and (tier := _tier(name)) is not None
        for column in _column(name, values[usable], labels)
    ]
    return [column for tier, column in sorted(found, key=lambda each: (not each[1].fits, each[0], each[1].groups))]


def _tier(name: str) -> int | None:
    """Ranks the name of a column as one of groups of images, 0 is best; None if it is no such name."""
    words = words_of(name)
    if not _CLASSES.isdisjoint(words):
        return None
    for tier, known in enumerate(TIERS):
        if not known.isdisjoint(words):
            return tier
    return len(TIERS) if words[-1:] in {("id",), ("ids",)} else None


def _column(name: str, values: CategoryColumn, labels: CategoryColumn) -> Iterator[GroupColumn]:
    counts = {value: count for value, count in values.counts().items() if value.strip() and count}
    images = sum(counts.values())
    if not 1 < len(counts) <= _REPEATED * images:
        return
    pairs = np.unique(np.stack([values.codes, labels.codes]), axis=1).shape[1]
    if pairs == len(counts) == sum(map(bool, labels.counts().values())):
        return  # another name of the classes
    largest = max(counts.values())
    filled = images / len(values.codes)
    fits = len(counts) >= FEWEST and largest <= LARGEST * len(values.codes) and filled > 0.5
    yield GroupColumn(name, len(counts), largest, filled, fits)
