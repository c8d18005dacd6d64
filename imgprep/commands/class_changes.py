"""Changes that decisions make, by class."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from imgprep.errors import one_line
from imgprep.table.sample import SampleTable, sort_classes
from imgprep.util.lines import table
from imgprep.util.quantity import quantity

SHOWN: Final = 20
"""Classes that a table shows."""
COLUMNS: Final = ("class", "listed", "excluded", "to others", "from others", "left")


class ClassChange(NamedTuple):
    """The images of a class, before decisions and with them.

    Attributes:
        name: of the class; '' for images without one.
        listed: images in the source.
        excluded: of these, those that are left out.
        gone: of these, those that get another label.
        come: images of other classes that get this label.
        left: images with the decisions.
    """

    name: str
    listed: int
    excluded: int
    gone: int
    come: int
    left: int


def changes_of(before: SampleTable, after: SampleTable) -> tuple[ClassChange, ...]:
    """The change of every class.

    Args:
        before: the source as it was listed.
        after: the same rows, with the decisions applied.
    """
    there, remaining = ~before.status.where("skipped"), ~after.status.where("skipped")
    old = before.label[there].counts()
    new = after.label[remaining].counts()
    excluded = before.label[there & ~remaining].counts()
    old_names, new_names = list(before.label.values), list(after.label.values)
    index = {name: code for code, name in enumerate(old_names)}
    renamed = np.array([index.get(name, -1) for name in new_names], np.int64)[after.label.codes]
    moved = there & remaining & (renamed != before.label.codes)
    gone, come = before.label[moved].counts(), after.label[moved].counts()
    return tuple(
        ClassChange(name, *(counts.get(name, 0) for counts in (old, excluded, gone, come, new)))
        for name in sort_classes({*old, *new})
    )


def table_of(changes: Sequence[ClassChange], width: int | None = None) -> list[str]:
    """The classes that change as the lines of a table, and how many do not.

    Args:
        changes: of every class.
        width: of the table, in columns; None for no limit.
    """
    changed = [change for change in changes if change.excluded or change.gone or change.come]
    rows = [(one_line(name or "(none)"), *map(str, rest)) for name, *rest in changed[:SHOWN]]
    lines = table(COLUMNS, rows, width) if changed else []
    if len(changed) > SHOWN:
        lines.append(f"... and {len(changed) - SHOWN} more classes that change")
    if same := len(changes) - len(changed):
        lines.append(f"{quantity(same, 'class', 'does')} not change")
    return lines
