"""What the spec demands of a split, and whether a collection can meet it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgprep.columns import CategoryColumn
from imgprep.errors import RequestError
from imgprep.sample import SampleTable
from imgprep.stages.assignment import NAMES

Method = Literal["stratified", "random", "hash", "predefined", "kfold"]
Size = float | int
"""A share below 1, or a number of images."""


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """What the spec says of the split.

    Attributes:
        method: how images are chosen.
        test: size of the test split; None is by the size of the collection.
        validation: size of the validation split: a share of what remains after test, or a number of images.
        group: an attribute, or a regular expression on the id, whose images stay together.
        folds: for ``kfold``.
        fraction: the share of the collection that is used at all.
        frozen: ids that are the test split, and nothing else is.
        seed: of the shuffle.
        where: file and line of the section, for messages.
    """

    method: Method = "stratified"
    test: Size | None = None
    validation: Size = 0.1
    group: str | None = None
    folds: int = 5
    fraction: float = 1.0
    frozen: frozenset[str] | None = None
    seed: int = 0
    where: str = "split"

    def settings(self) -> dict[str, Any]:
        """Plain values for a fingerprint."""
        return {name: getattr(self, name) for name in self.__slots__ if name not in {"where", "frozen"}} | {
            "frozen": None if self.frozen is None else sorted(self.frozen)
        }


def check_settings(table: SampleTable, settings: SplitSettings) -> None:
    """Refuses demands that the collection cannot meet, before anything is made.

    Raises:
        RequestError: the method needs splits, or the setting needs groups, that the collection has not.
    """
    if settings.method == "predefined":
        check_predefined(table, settings)
    group_codes(table, table.id, settings)


def check_predefined(table: SampleTable, settings: SplitSettings) -> None:
    """Refuses the method ``predefined`` where the source gives no splits, or others than train, validation and test.

    Raises:
        RequestError: so it is.
    """
    if not any(table.split.counts()):
        raise RequestError(
            f"{settings.where}: split.method: predefined, but the source gives no splits; "
            "use layout: split_directory or a column called split in source.attributes"
        )
    if settings.frozen is not None:
        raise RequestError(
            f"{settings.where}: split.test: a frozen test split contradicts split.method: predefined; "
            "use method: stratified, or leave the test split to the source"
        )
    unknown = [name for name in table.split.counts() if name not in {*NAMES, ""}]
    if unknown:
        raise RequestError(
            f"{settings.where}: split.method: predefined, but {unknown[0]!r} is no split; "
            "use train, validation and test"
        )


def group_codes(table: SampleTable, ids: Sequence[str], settings: SplitSettings) -> NDArray[np.int64]:
    """(N,) the group of each row, -1 for none: an attribute, a match of a regular expression, or the source's own."""
    if settings.group is None:
        column = table.group
    elif settings.group in table.attributes:
        column = table.attributes[settings.group]
    else:
        try:
            pattern = re.compile(settings.group)
        except re.error as error:
            raise RequestError(
                f"{settings.where}: split.group: no attribute, and no regular expression: {error}"
            ) from error
        matches = (pattern.search(id_) for id_ in ids)
        column = CategoryColumn.of((m.group(1) if m.re.groups else m.group(0)) if m else "" for m in matches)
        if not any(column.counts()):
            known = ", ".join(table.attributes) or "none"
            raise RequestError(
                f"{settings.where}: split.group: {settings.group!r} is no attribute (there are: {known}) "
                "and matches no id"
            )
    empty = column.values.index("") if "" in column.values else -1
    codes = column.codes.astype(np.int64)
    codes[codes == empty] = -1
    return codes
