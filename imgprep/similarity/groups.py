"""Groups of images that belong together, by one definition for the split that keeps them whole and the audit."""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import RequestError, one_line
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import SampleTable
from imgprep.util.time_limit import TooSlowError, map_in_time

Missing = Literal["own", "refuse"]
MOST = 0.5
"""Fraction of images without a group above which a grouping is refused, unless the spec sets `missing_group`."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Grouping:
    """The grouping of images in the spec.

    Attributes:
        by: an attribute, or a regular expression on the id; None for the source's own column ``group``.
        missing: how to treat images without a group: ``own`` makes each a group of its own, ``refuse`` refuses the
            collection; None refuses it only where most images have no group.
        where: file and line of the section, for messages.
    """

    by: str | None = None
    missing: Missing | None = None
    where: str = "split"

    def column(self, table: SampleTable) -> CategoryColumn:
        """(N,) the group of each row; '' for none.

        Raises:
            RequestError: ``by`` is not an attribute, and not a regular expression that matches an id.
        """
        if self.by is None:
            return table.group
        if self.by in table.attributes:
            return table.attributes[self.by]
        try:
            pattern = re.compile(self.by)
        except re.error as error:
            raise RequestError(
                f"{self.where}: split.group: no attribute, and no regular expression: {error}"
            ) from error
        matches = map_in_time(pattern.search, table.id)
        try:
            # A group of the expression outside the match is None.
            column = CategoryColumn.of((m.group(min(1, m.re.groups)) or "") if m else "" for m in matches)
        except TooSlowError as error:
            raise RequestError(
                f"{self.where}: split.group: {error} to search ids such as {one_line(repr(error.item), 80)}; simplify "
                "the expression: repeat no group that repeats inside, as (a+)+ does"
            ) from None
        if not any(column.counts()):
            raise RequestError(self._unknown(self.by, tuple(table.attributes)))
        return column

    def _unknown(self, name: str, known: tuple[str, ...]) -> str:
        folded = {each.casefold(): each for each in reversed(known)}
        close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
        hint = f"; did you mean {folded[close[0]]!r}?" if close else ""
        there = one_line(", ".join(known), 120) or "none"
        return f"{self.where}: split.group: {name!r} is no attribute (there are: {there}) and matches no id{hint}"

    def check(self, table: SampleTable) -> str:
        """Refuses a collection in which too many usable images have no group.

        Returns:
            A note on images without a group; '' where all have one, or the spec sets no grouping.

        Raises:
            RequestError: most images have no group and the spec does not allow it, or some have none and it forbids it.
        """
        column = self.column(table)
        if self.by is None and not any(value.strip() for value in column.counts()):
            return ""
        usable = np.flatnonzero(table.ok())
        alone = usable[group_codes(column)[usable] < 0]
        # The source's own column group may be filled for some images only.
        if not len(alone) or (self.by is None and self.missing is None):
            return ""
        shown = ", ".join(one_line(table.id[row], 80) for row in alone[:_SHOWN].tolist())
        name = "" if self.by is None else f" {self.by!r}"
        what = f"split.group:{name} gives {len(alone)} of {len(usable)} images no group ({shown})"
        refused = self.missing == "refuse" or (self.missing is None and len(alone) > MOST * len(usable))
        if refused:
            allow = "say split.missing_group: own if each of them is a group of its own"
            raise RequestError(f"{self.where}: {what}; complete the column or the expression, or {allow}")
        return f"{what}; each is a group of its own"


def group_codes(column: CategoryColumn) -> NDArray[np.int64]:
    """(N,) the group number of each row, -1 for none; a blank value is none."""
    lookup = np.arange(len(column.values), dtype=np.int64)
    for code, value in enumerate(column.values):
        if not value.strip():
            lookup[code] = -1
    return lookup[column.codes] if len(lookup) else column.codes.astype(np.int64)
