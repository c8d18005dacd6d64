"""Finds the columns of a table that hold the images and the labels: by their names, else by what is in them."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from imgprep.errors import RequestError, one_line
from imgprep.sources.attributes import is_json, read_table
from imgprep.sources.base import text_of
from imgprep.sources.column_names import GROUPS, words_of
from imgprep.sources.csvtable import read_csv, read_header
from imgprep.sources.detect_locations import located
from imgprep.sources.detect_names import label_from_names
from imgprep.sources.jsontable import find, read_json
from imgprep.sources.split_names import split_word
from imgprep.table.several_labels import several_labels
from imgprep.table.targets import SEPARATOR

LABELS: Final = (
    "label", "class", "category", "species", "target", "breed", "type", "labels", "class_name", "category_name",
    "class_label", "diagnosis", "dx",
)  # fmt: skip
_LOCATIONS: Final = (
    "location", "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "url",
    "image_url", "pixels",
)  # fmt: skip
_SPLIT: Final = "split"
_SPLITS: Final = frozenset({"set", "subset", "partition", "usage", "phase", "dataset", "data_set"})
"""Names of columns that hold the splits, if what is in them are names of splits."""
_OTHERS: Final = _SPLITS | {_SPLIT, "fold", "id", "index", "width", "height"}
"""Names that say that a column is no label, whatever it holds."""
_DELIMITERS: Final = ",;\t|"
_LOOKED_AT: Final = 1000
_UNLABELLED: Final[Mapping[str, str]] = MappingProxyType({"labels": "none"})
_BITS: Final = frozenset({"0", "1", "-1", "0.0", "1.0", "-1.0", "true", "false"})
_COMMON: Final = 2
"""Rows that each value of a label has at least, on average."""

Cells = Mapping[str, Sequence[object]]
"""The first values of each column."""


class LabelAnswer(NamedTuple):
    """Where the labels are, as the user says.

    Attributes:
        column: of a table; None to find it.
        pattern: for `source.label_from`; None to find it where nothing else says the label.
    """

    column: str | None = None
    pattern: str | None = None


UNASKED: Final = LabelAnswer()


class TableColumns(NamedTuple):
    """The columns of a table as a spec names them.

    Attributes:
        options: of its source.
        tags: the columns of several labels for each image, which then has no other; () where there is one.
        separator: between the labels, where they are in one column.
    """

    options: Mapping[str, str]
    tags: tuple[str, ...] = ()
    separator: str = SEPARATOR


def columns_of(path: Path, layout: str, asked: LabelAnswer = UNASKED) -> TableColumns:
    """Finds what a spec must say of the columns of a table.

    Args:
        path: the table.
        layout: csv or json.
        asked: where the labels are, as the user says.

    Raises:
        RequestError: the table is wrong, or a column cannot be told.
    """
    options, names = _header(path, layout)
    delimiter = options.get("delimiter")
    location, found = _location(path, dict.fromkeys(names), delimiter)
    cells = _first_cells(path, names, location, delimiter)
    if location.casefold() != _LOCATIONS[0]:
        options["location_column"] = location
    split = _split(cells)
    if split is not None:
        options["split_column"] = split
    if asked.pattern is not None:
        return TableColumns(options | found | {"label_from": asked.pattern})
    others = [name for name in cells if name not in {location, split}]
    indicators = _indicators(cells, others)
    chosen = _label(f"{one_line(path)}:1", cells, others, (asked.column, indicators))
    if chosen is None and indicators:
        return TableColumns({**options, **found, **_UNLABELLED}, indicators)
    if chosen is None:
        return TableColumns(options | found | _in_names(cells[location]))
    if separator := _separator(cells[chosen]):
        return TableColumns({**options, **found, **_UNLABELLED}, (chosen,), separator)
    labelled = {"label_column": chosen} if chosen.casefold() != LABELS[0] else {}
    return TableColumns(labelled | options | found)


def _header(path: Path, layout: str) -> tuple[dict[str, str], tuple[str, ...]]:
    if layout == "json":
        return {}, tuple(next((row.values for row in read_table(path)), {}))
    names: tuple[str, ...] = ()
    for delimiter in (None, *_DELIMITERS):
        names = tuple(read_header(path, delimiter))
        if len(names) > 1:
            return ({"delimiter": delimiter} if delimiter else {}), names
    return {}, names


def _location(path: Path, columns: Mapping[str, None], delimiter: str | None) -> tuple[str, dict[str, str]]:
    """The column of the images, and the options with which they are found."""
    named = next((name for guess in _LOCATIONS if (name := find(dict(columns), guess))), "")
    if named:
        return named, located(path, named, delimiter) or {}
    guesses = ((name, located(path, name, delimiter, beside=False)) for name in columns)
    images = [(name, found) for name, found in guesses if found is not None]
    if images:
        # Numbers with an extension may be files by chance; whole names are not.
        return min(images, key=lambda image: "extension" in image[1])
    there = one_line(", ".join(columns) or "none", 120)
    raise RequestError(
        f"{one_line(path)}:1: no column like location, and none names files that are there: {there}; rename one"
    )


def _first_cells(path: Path, names: Sequence[str], location: str, delimiter: str | None) -> Cells:
    rows = read_json(path, pixels=location) if is_json(path) else read_csv(path, delimiter, pixels=location)
    values: dict[str, list[object]] = {name: [] for name in names}
    for row in islice(rows, _LOOKED_AT):
        for name in names:
            values[name].append(row.values.get(name))
    return values


def _split(cells: Cells) -> str | None:
    """The one column of the splits that is not called so; None where there is none, or several may be."""
    if any(name.casefold() == _SPLIT for name in cells):
        return None
    found = []
    for name, values in cells.items():
        meanings = {split_word(value) if isinstance(value, str) else "" for value in values}
        if meanings and "" not in meanings and (len(meanings) > 1 or name.casefold() in _SPLITS):
            found.append(name)
    return found[0] if len(found) == 1 else None


def _indicators(cells: Cells, others: Sequence[str]) -> tuple[str, ...]:
    """The columns of 0 and 1 where there are several: each says whether an image has that label."""
    found = tuple(
        name
        for name in others
        if name.casefold() not in {*LABELS, *_OTHERS} and {text_of(value).casefold() for value in cells[name]} <= _BITS
    )
    return found if len(found) > 1 else ()


def _separator(values: Sequence[object]) -> str:
    """The separator of a column with several labels in a cell; '' where each has one. Lists need none."""
    if any(isinstance(value, list) for value in values):
        return SEPARATOR
    several = several_labels({value.strip() for value in values if isinstance(value, str) and value.strip()})
    return "" if several is None else several.separator


def _label(where: str, cells: Cells, others: Sequence[str], known: tuple[str | None, Sequence[str]]) -> str | None:
    """The column of the labels; None where no column could be one.

    Args:
        where: file and line, for the message.
        cells: of all columns.
        others: the columns that may be it.
        known: the column that the user names; and those of 0 and 1, which are no labels by themselves.
    """
    asked, indicators = known
    columns = dict.fromkeys(cells)
    if asked is not None:
        if name := find(columns, asked):
            return name
        raise RequestError(f"--label {one_line(asked, 80)}: {where}: no such column, there are: {', '.join(columns)}")
    named = next((name for guess in LABELS if (name := find(dict.fromkeys(others), guess))), "")
    if named:
        return named
    possible = [name for name in others if name.casefold() not in _OTHERS and GROUPS.isdisjoint(words_of(name))]
    candidates = [name for name in possible if name not in indicators and _like_labels(cells[name])]
    if len(candidates) == 1:
        return candidates[0]
    if not possible or (indicators and not candidates):
        return None
    there = one_line(", ".join(columns) or "none", 120)
    which = f"it may be {' or '.join(candidates[:6])}" if candidates else f"there are: {there}"
    raise RequestError(f"{where}: no column like label, {one_line(which, 160)}; init takes it as --label COLUMN")


def _like_labels(values: Sequence[object]) -> bool:
    """Tells whether the values are few distinct texts, none of them empty."""
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    return bool(texts) and len(texts) == len(values) and len(set(texts)) * _COMMON <= len(texts)


def _in_names(locations: Sequence[object]) -> dict[str, str]:
    """The labels in the names of the files; or none."""
    paths = [location.replace("\\", "/") for location in locations if isinstance(location, str)]
    inside = any("/" in path for path in paths)
    found = label_from_names([path.rpartition("/")[2] for path in paths], inside=inside)
    return {"label_from": found} if found else {**_UNLABELLED}
