"""Finds the columns of a table that hold the images and the labels: by their names, else by what is in them."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from imgprep.errors import RequestError, one_line
from imgprep.sources.attributes import is_json, read_table
from imgprep.sources.csvtable import read_csv, read_header
from imgprep.sources.detect_locations import located
from imgprep.sources.jsontable import find

_LABELS: Final = (
    "label", "class", "category", "species", "target", "breed", "type", "labels", "class_name", "category_name",
    "class_label", "diagnosis", "dx",
)  # fmt: skip
_LOCATIONS: Final = (
    "location", "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "url",
    "image_url", "pixels",
)  # fmt: skip
_OTHERS: Final = frozenset({"split", "set", "subset", "partition", "fold", "usage", "id", "index", "width", "height"})
"""Names that say that a column is no label, whatever it holds."""
_DELIMITERS: Final = ",;\t|"
_LOOKED_AT: Final = 1000
_COMMON: Final = 2
"""Rows that each value of a label has at least, on average."""


def columns_of(path: Path, layout: str, label: str | None = None) -> Mapping[str, str]:
    """The options of a source that make the columns of a table known.

    Args:
        path: the table.
        layout: csv or json.
        label: the column of the labels, where the user names it.

    Raises:
        RequestError: the table is wrong, or a column cannot be recognised.
    """
    options, names = _header(path, layout)
    columns = dict.fromkeys(names)
    location, found = _location(path, columns, options.get("delimiter"))
    chosen = _label(path, columns, location, options.get("delimiter"), label)
    if chosen.casefold() != _LABELS[0]:
        options["label_column"] = chosen
    if location.casefold() != _LOCATIONS[0]:
        options["location_column"] = location
    return options | found


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


def _label(path: Path, columns: Mapping[str, None], location: str, delimiter: str | None, asked: str | None) -> str:
    where = f"{one_line(path)}:1"
    if asked is not None:
        if name := find(dict(columns), asked):
            return name
        raise RequestError(f"--label {one_line(asked, 80)}: {where}: no such column, there are: {', '.join(columns)}")
    named = next((name for guess in _LABELS if (name := find(dict(columns), guess))), "")
    if named:
        return named
    candidates = _like_labels(path, [name for name in columns if name != location], delimiter)
    if len(candidates) == 1:
        return candidates[0]
    there = one_line(", ".join(columns) or "none", 120)
    which = f"it may be {' or '.join(candidates[:6])}" if candidates else f"there are: {there}"
    raise RequestError(f"{where}: no column like label, {one_line(which, 160)}; init takes it as --label COLUMN")


def _like_labels(path: Path, names: Sequence[str], delimiter: str | None) -> list[str]:
    """The columns with few distinct texts, none of them empty."""
    rows = read_table(path) if is_json(path) else read_csv(path, delimiter)
    values: dict[str, list[object]] = {name: [] for name in names}
    for row in islice(rows, _LOOKED_AT):
        for name in names:
            values[name].append(row.values.get(name))
    return [
        name
        for name, cells in values.items()
        if name.casefold() not in _OTHERS
        and cells
        and all(isinstance(cell, str) and cell.strip() for cell in cells)
        and len(set(cells)) * _COMMON <= len(cells)
    ]
