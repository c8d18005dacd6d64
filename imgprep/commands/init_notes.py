"""The notes of `init` on a collection, one line each."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from imgprep.commands.init_check import Verdict
from imgprep.commands.init_draft import Facts
from imgprep.commands.init_tables import tables_beside
from imgprep.errors import one_line
from imgprep.util.quantity import quantity

CLASSES: Final = 12
"""Classes whose counts are said."""


def found_notes(facts: Facts) -> Iterator[str]:
    """The findings as text: layout, classes, columns, sizes and skipped files."""
    found, table, seen = facts.layout, facts.table, facts.seen
    usable = np.flatnonzero(table.ok())
    if facts.labelled:
        counts = Counter(table.label[usable].counts())
        listed = ", ".join(f"{one_line(name or 'no class', 40)} {count}" for name, count in counts.most_common(CLASSES))
        more = f" and {len(counts) - CLASSES} more" if len(counts) > CLASSES else ""
        yield f"layout {found.layout}: {quantity(len(usable))} of {quantity(len(counts), 'class')}: {listed}{more}"
    elif found.tags:
        columns = one_line(", ".join(found.tags), 80)
        yield (
            f"layout {found.layout}: {quantity(len(usable))} with several labels each ({columns}), which become "
            "targets: {tags: many}; besides, all images are of the one class image"
        )
    else:
        yield (
            f"layout {found.layout}: {quantity(len(usable))} without labels, which can be audited, and no more; labels "
            "come from file names (init --label-from REGEX), a folder for each class, or a table"
        )
        if beside := tables_beside(found.path):
            names = one_line(", ".join(table.name for table in beside), 120)
            yield f"beside the images: {names}; if the labels are in one of these tables, give it to init"
    if "label_from" in found.options:
        yield f"labels are in the names of the files: source.label_from {one_line(found.options['label_from'], 120)}"
    yield from _column_notes(facts)
    if seen.sizes:
        yield f"height and width of {quantity(len(seen.sizes))} looked at: {seen.extent()}"


def _column_notes(facts: Facts) -> Iterator[str]:
    options = facts.layout.options
    taken = [f"{value} as {key.removesuffix('_column')}" for key, value in options.items() if "column" in key]
    if taken:
        yield f"columns: {one_line(', '.join(taken), 200)}"
    for table in facts.tables:
        used = options.get("attributes") == str(table.path.absolute())
        how = "source.attributes" if used else "a comment in the spec at source.attributes"
        columns = one_line(", ".join(table.columns), 120)
        yield f"table {one_line(table.path.name, 60)} is of these images ({how}): {columns}"
    chosen = facts.group()
    for column in facts.groups:
        told = f"column {one_line(column.name, 40)}: {column.groups} groups of up to {column.largest} images"
        if column.name == chosen:
            given = any(facts.table.split.counts())
            kept = "for the audit of the given splits" if given else "which the split keeps together"
            yield f"{told}, {kept} (split.group)"
        elif column.name.casefold() == "group":
            yield f"{told}, which the split keeps together"
        else:
            yield f"{told}, a comment in the spec{'' if column.fits else ': too few or too large to split by'}"


def verdict_notes(judged: Verdict) -> Iterator[str]:
    """The verdict as text."""
    if judged.failing:
        yield f"rules that fail by the handbook are warnings in the spec: {', '.join(judged.failing)}"
    if judged.unreadable:
        yield f"{quantity(len(judged.unreadable))} cannot be used, such as {one_line(judged.unreadable[0], 120)}"
    if not judged.measured:
        yield "only names and labels were judged; imgprep audit looks at the images"
