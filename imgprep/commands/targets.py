"""The targets of a spec, read from the columns of its source."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

from imgprep.errors import RequestError, one_line
from imgprep.pipeline.collection import IMAGE
from imgprep.settings.problems import shown, unknown
from imgprep.sources.attributes import AttributeTable, read_table
from imgprep.sources.jsontable import find
from imgprep.sources.target_values import TargetValues, WrongValue, read_target
from imgprep.spec.collection import SourceSection
from imgprep.spec.loading import LoadedSpec
from imgprep.table.sample import SampleTable
from imgprep.table.several_labels import several_labels
from imgprep.table.targets import Target
from imgprep.util.quantity import quantity

SHOWN: Final = 5
"""Wrong values that a message names."""
_UNLABELLED: Final = f"source.labels: none: all images are of the one class {IMAGE!r} of a dataset, beside its targets"


class Targeted(NamedTuple):
    """A source with its targets.

    Attributes:
        table: with the columns of the targets.
        targets: with their classes, in the order of the spec.
        notes: for the user, one line each.
    """

    table: SampleTable
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()


def read_targets(loaded: LoadedSpec, table: SampleTable) -> Targeted:
    """Reads the targets of a spec.

    Args:
        loaded: the spec.
        table: every entry of the source; what is skipped or left out by decisions says nothing.

    Raises:
        RequestError: with file and line: there is no such column, or it holds values that cannot be used.
    """
    wanted: Mapping[str, Target] = loaded.spec.targets
    if not wanted:
        return Targeted(table)
    unlabelled = () if loaded.spec.source.source.labelled else (_UNLABELLED,)
    found = [read_target(_bound(loaded, target, table), table) for target in wanted.values()]
    _refuse(loaded, table, found)
    usable = table.ok()
    for target, array, _ in found:
        if not target.classes and usable.any() and (target.kind != "number" or np.isnan(array[usable]).all()):
            text = f"the column {one_line(target.columns[0], 80)} is empty in all rows"
            raise loaded.error(text, "targets", target.name)
    notes = [note for target, array, _ in found for note in _notes(target, target.statistics(array[usable]))]
    columns = {target.name: array for target, array, _ in found}
    return Targeted(table.with_columns(targets=columns), tuple(target for target, _, _ in found), (*unlabelled, *notes))


def _bound(loaded: LoadedSpec, target: Target, table: SampleTable) -> Target:
    """The target with its columns as the table spells them."""
    names = dict.fromkeys(table.attributes)
    columns = [find(dict(names), column) for column in target.columns]
    if "" in columns:
        wanted = target.columns[columns.index("")]
        raise loaded.error(_no_column(loaded.spec.source, wanted, list(names)), "targets", target.name)
    return replace(target, columns=tuple(columns))


def _no_column(section: SourceSection, wanted: str, names: list[str]) -> str:
    for key, what in (("label_column", "the label"), ("location_column", "the location")):
        if wanted.casefold() == str(getattr(section.source, key, "")).casefold():
            return f"the column {shown(wanted)} is {what}; name another, or another source.{key}"
    if not names:
        own = "an array of that name in the file, or " if section.source.holds_arrays else ""
        where = f"give {own}a table with source.attributes" if section.source.table() is None else "there are no others"
        return f"no column {shown(wanted)}: {where}"
    return unknown("column", wanted, names)


def _refuse(loaded: LoadedSpec, table: SampleTable, found: list[TargetValues]) -> None:
    """Refuses wrong values, by file and line.

    Raises:
        RequestError: there is one.
    """
    wrong = [(target, value) for target, _, values in found for value in values]
    if not wrong:
        return
    lines = [f"{_place(loaded, table, target, value)}: {target.name}: {value.text}" for target, value in wrong[:SHOWN]]
    if len(wrong) > SHOWN:
        lines.append(f"{loaded.where('targets')}: targets: and {len(wrong) - SHOWN} more values like these")
    raise RequestError("\n".join(lines))


def _place(loaded: LoadedSpec, table: SampleTable, target: Target, value: WrongValue) -> str:
    """The file and line of a value: in the table of attributes where that has the column, else in the source."""
    section: SourceSection = loaded.spec.source
    if section.attributes is not None:
        first = next(iter(read_table(section.attributes)), None)
        if first is not None and find(first.values, target.columns[0]):
            return AttributeTable(section.attributes, section.splits).place_of(table[value.row])
    place = section.source.place_of(value.row)
    return place if section.source.table() is not None else f"{place}: {one_line(table.id[value.row], 80)}"


def _notes(target: Target, statistics: Mapping[str, Any]) -> Iterator[str]:
    """Notes on targets that some images lack."""
    missing, empty = int(statistics.get("missing", 0)), int(statistics.get("empty", 0))
    if missing:
        stored = "NaN" if target.kind == "number" else f"the index {target.missing_index}"
        yield f"targets.{target.name}: {quantity(missing, verb='has')} no value; {stored} is stored for them"
    if empty:
        yield f"targets.{target.name}: {quantity(empty, verb='has')} none of the tags"


def refuse_several(loaded: LoadedSpec, table: SampleTable) -> None:
    """Refuses classes that are several labels in one cell; folders, and classes that the spec lists, are meant so.

    Raises:
        RequestError: with file and line.
    """
    section: SourceSection = loaded.spec.source
    if section.classes is not None or section.source.is_folder or section.source.classes() is not None:
        return
    images = ~table.status.where("skipped")
    several = several_labels([name for name in table.label[images].counts() if name])
    if several is None:
        return
    row = int(np.flatnonzero(table.label.where(several.label) & images)[0])
    raise RequestError(
        f"{section.source.place_of(row)}: the label {shown(several.label)} looks like several labels; "
        f"{_advice(section, several.separator)}; or list the classes in source.classes if it is one"
    )


def _advice(section: SourceSection, separator: str) -> str:
    """Advice on several labels for one image."""
    column = getattr(section.source, "label_key", "")
    if not column:
        return "give one label for each image"
    more = "" if separator == "|" else f", separator: '{separator}'"
    return f"set source.labels: none and targets: {{tags: {{many: {column}{more}}}}}"
