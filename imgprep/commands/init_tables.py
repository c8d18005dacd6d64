"""Tables beside a folder of images that say more of each image, for `init`."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.errors import ImgprepError
from imgprep.sources.attributes import read_table
from imgprep.sources.jsontable import find
from imgprep.sources.trees import tree_of
from imgprep.table.sample import SampleTable
from imgprep.util.addresses import is_address

_SUFFIXES: Final = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
_LOOKED_AT: Final = 10
"""Tables of a folder that are looked at, by name."""
_LARGEST: Final = 64 << 20
"""Bytes of a table that is looked at."""
_FIRST: Final = 1000
"""Rows among which some are of images, in a table of them."""
_MATCHING: Final = 0.9
"""Share of the images that have a row."""
_ANSWERS: Final = frozenset({"reviewed_label", "action"})
"""Columns of tables of reviews and decisions, which are no attributes."""


class ImageTable(NamedTuple):
    """A table whose rows are of the images.

    Attributes:
        path: of the table.
        columns: of it, but for the one that names the image.
        near: whether it lies among the images, or is called as their folder.
    """

    path: Path
    columns: tuple[str, ...]
    near: bool


def image_tables(folder: Path, table: SampleTable) -> list[ImageTable]:
    """The tables in a folder of images, and those beside it, that have a row for nearly every image.

    Args:
        folder: of the images.
        table: every entry in it.
    """
    known = set(table.id)
    inside, beside = _tables(folder), tables_beside(folder)
    found = []
    for path in (*inside, *beside):
        try:
            columns = _columns(path, known, _MATCHING * table.images())
        except (ImgprepError, OSError):
            continue  # it is something else
        if columns:
            near = path in inside or path.name.partition(".")[0] == folder.resolve().name
            found.append(ImageTable(path, columns, near))
    return found


def tables_beside(folder: Path) -> list[Path]:
    """The first tables in the folder that holds a folder or file; of a store, where that may be large, none."""
    if is_address(folder):
        return []
    return _tables(folder.absolute().parent)


def _tables(folder: Path) -> list[Path]:
    if is_address(folder):
        stored = sorted(name for name in tree_of(folder).files() if _is_table(name.lower()))
        return [folder / name for name in stored[:_LOOKED_AT]]
    try:
        with os.scandir(folder) as entries:
            named = (entry for entry in entries if _is_table(entry.name.lower()))
            found = [entry.name for entry in named if entry.is_file() and entry.stat().st_size <= _LARGEST]
    except OSError:
        return []
    return [folder / name for name in islice(sorted(found), _LOOKED_AT)]


def _is_table(name: str) -> bool:
    return name.removesuffix(".gz").endswith(_SUFFIXES) and not name.endswith(".schema.json")


def _columns(path: Path, known: set[str], least: float) -> tuple[str, ...]:
    """The columns of a table of so many of the images; none of any other table."""
    columns: tuple[str, ...] = ()
    met: set[str] = set()
    for number, values in enumerate(_rows(path)):
        key = find(values, "id") or find(values, "location")
        columns = columns or tuple(name for name in values if name != key)
        if not key or not _ANSWERS.isdisjoint(columns) or (number == _FIRST and not met):
            return ()
        identity = values[key]
        if isinstance(identity, str) and identity in known:
            met.add(identity)
    return columns if met and len(met) >= least else ()


def _rows(path: Path) -> Iterator[dict[str, object]]:
    return (row.values for row in read_table(path))
