"""The files in which others say something of the labels: review tables, and predictions of a classifier."""

import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.label_evidence import OUTSIDE, Predictions, Review
from imgprep.errors import RequestError, check_surroundings, one_line
from imgprep.settings.problems import suggestion
from imgprep.sources.attributes import is_json
from imgprep.sources.base import text_of
from imgprep.sources.csvtable import Row, find_delimiter, read_csv
from imgprep.sources.jsontable import find, read_json
from imgprep.table.sample import SampleTable
from imgprep.util.spreadsheet import protect, unprotect

COLUMNS: Final = ("id", "label", "reviewed_label")
UNSURE: Final = ("?", "unsure", "not sure", "unclear")
"""Answers for an unsure second opinion; a class of that name takes precedence."""
NONE: Final = ("none", "none of these", "not any", "other")
"""Answers for an image that shows none of the classes; a class of that name takes precedence."""
SHOWN: Final = 20
"""Wrong rows that an error lists."""
_NPZ: Final = "save both in one npz file: numpy.savez(file, ids=..., pred_probs=...)"
ORIGIN: Final = "pred_probs of the spec"


class _Entry(NamedTuple):
    """A row of a review: where it is, and its cells."""

    line: int
    id: str
    label: str
    reviewed: str


def read_review(path: Path, classes: Sequence[str], table: SampleTable) -> Review:
    """Reads a review table: CSV, TSV or JSON with the columns id, label, reviewed_label, and perhaps others.

    Blanks around cells and the case of letters do not matter, nor do backslashes and Unicode's normal forms in ids. A
    row without a second label waits for it; `UNSURE` and `NONE` say what may stand in the place of a class.

    Args:
        path: the table.
        classes: of the collection.
        table: all images of the collection; ids are given as they are spelled there.

    Raises:
        RequestError: with file and line, all of them: the file cannot be read, a column is missing, a row has not as
            many cells as the first, a label is no class, or an image is there twice.
        ResourceError: it may not be read.
    """
    entries = list(_entries(path))
    names = _Spellings(classes)
    images = _canonical([entry.id for entry in entries], table)
    lines: dict[str, int] = {}
    ids, labels, reviewed, unsure = [], [], [], []
    wrong: list[str] = []
    second: str | None
    for entry, image in zip(entries, images, strict=True):
        where = f"{one_line(path)}:{entry.line}"
        if image in lines:
            wrong.append(f"{where}: {one_line(image, 120)} is there twice, first in line {lines[image]}; keep one row")
            continue
        lines[image] = entry.line
        try:
            second = "" if not entry.reviewed else _answer(entry.reviewed, names)
            label = "" if not entry.label or not second else names[entry.label]
        except ValueError as error:
            wrong.append(f"{where}: {error}")
            continue
        if second is None:
            unsure.append(image)
        else:
            ids.append(image)
            labels.append(label)
            reviewed.append(second)
    if wrong:
        more = [f"{one_line(path)}: and {len(wrong) - SHOWN} more rows like these"] if len(wrong) > SHOWN else []
        raise RequestError("\n".join(wrong[:SHOWN] + more))
    return Review(tuple(ids), tuple(labels), tuple(reviewed), tuple(unsure))


def is_filled_in(path: Path) -> bool:
    """Returns whether a review table holds a second label of any image.

    Raises:
        RequestError: it is no review table.
    """
    return any(entry.reviewed for entry in _entries(path))


def review_rows(table: SampleTable, rows: NDArray[np.integer]) -> Iterator[tuple[str, str, str]]:
    """The lines of a review table to be filled in, with its header; no spreadsheet takes a cell for a formula."""
    yield COLUMNS
    for row in rows.tolist():
        yield protect(table.id[row]), protect(table.label[row]), ""


def read_predictions(path: Path, classes: Sequence[str], table: SampleTable) -> Predictions:
    """Reads out-of-fold probabilities: an npz file with ``ids`` (M,) and ``pred_probs`` (M, K), K the classes in order.

    Args:
        path: the file.
        classes: of the collection, in index order.
        table: all images of the collection; ids are given as they are spelled there.

    Raises:
        RequestError: the file cannot be read, or its arrays do not fit the classes or are no probabilities.
    """
    name = one_line(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            names, probabilities = file["ids"], file["pred_probs"]
            ids = [_text(each) for each in names.tolist()] if names.ndim == 1 else []
            probabilities = probabilities.astype(np.float32)
    except OSError as error:
        check_surroundings(error, name)
        raise RequestError(f"{name}: cannot read it: {error.strerror or one_line(error)}; {_NPZ}") from error
    except (EOFError, KeyError, TypeError, ValueError, BadZipFile, zlib.error) as error:
        raise RequestError(f"{name}: cannot read the arrays ids and pred_probs; {_NPZ}") from error
    if names.ndim != 1:
        raise RequestError(f"{name}: ids has shape {names.shape}, ({len(probabilities)},) is needed: one for each row")
    if probabilities.shape != (len(ids), len(classes)):
        expected = f"({len(ids)}, {len(classes)})"
        raise RequestError(f"{name}: pred_probs has shape {probabilities.shape}, {expected} is needed: ids, classes")
    if not np.isfinite(probabilities).all() or (probabilities < 0).any() or (probabilities > 1 + 1e-3).any():
        raise RequestError(f"{name}: pred_probs holds values that are no probabilities; save finite values from 0 to 1")
    images = _canonical(ids, table)
    if len(set(images)) < len(images):
        seen: set[str] = set()
        twice = next(image for image in images if image in seen or seen.add(image))  # type: ignore[func-returns-value]
        raise RequestError(f"{name}: ids holds {one_line(twice, 120)} twice; keep one row for each image")
    return Predictions(images, probabilities, ORIGIN)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _entries(path: Path) -> Iterator[_Entry]:
    """The rows that say something.

    Raises:
        RequestError: see `read_review`.
    """
    shown = one_line(path)
    if not path.is_file():
        raise RequestError(f"{shown}: cannot read the review: no such file; draw one with imgprep review")
    known = False
    for row in _rows(path):
        known = known or _check_columns(shown, list(row.values))
        cells = [unprotect(text_of(row.values[find(row.values, name)])).strip() for name in COLUMNS]
        if any(cells):
            entry = _Entry(row.line, *cells)
            if not entry.id:
                raise RequestError(f"{shown}:{row.line}: the id is missing; say which image the row is about")
            yield entry


def _rows(path: Path) -> Iterator[Row]:
    if is_json(path):
        return read_json(path)
    delimiter, header = find_delimiter(path, COLUMNS)
    _check_columns(one_line(path), header)
    # An apostrophe is how a formula is made text.
    return read_csv(path, delimiter, quotes='"')


def _check_columns(shown: str, columns: Sequence[str]) -> bool:
    there = dict.fromkeys(columns)
    if missing := [name for name in COLUMNS if not find(there, name)]:
        raise RequestError(f"{shown}:1: the column {missing[0]} is missing; a review has {', '.join(COLUMNS)}")
    return True


def _answer(given: str, names: "_Spellings") -> str | None:
    """The class that a second person named, or `OUTSIDE`; None for unsure.

    Raises:
        ValueError: it is none of these.
    """
    try:
        return names[given]
    except ValueError:
        word = _folded(given)
        if word in UNSURE or not word.strip("?"):
            return None
        if word in NONE:
            return OUTSIDE
        raise


class _Spellings:
    """Finds the class for a label in another spelling."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.exact = set(classes)
        self.folded: dict[str, list[str]] = {}
        for name in classes:
            self.folded.setdefault(_folded(name), []).append(name)

    def __getitem__(self, given: str) -> str:
        """The class of a label.

        Raises:
            ValueError: there is none, or there are several.
        """
        if given in self.exact:
            return given
        found = self.folded.get(_folded(given), [])
        if len(found) == 1:
            return found[0]
        label = repr(one_line(given, 80))
        if found:
            raise ValueError(
                f"the label {label} may be {' or '.join(map(repr, found))}; write it as the class is called"
            )
        known = ", ".join(sorted(self.exact))
        hint = suggestion(given, self.exact) or f"the classes are {one_line(known, 120)}"
        raise ValueError(f"the label {label} is no class; {hint}; or write ? for unsure, none for none of the classes")


def _canonical(ids: Sequence[str], table: SampleTable) -> list[str]:
    """The ids as the collection spells them; those that it does not hold stay as they are."""
    wanted = set(ids)
    other = wanted.difference(name for name in table.id if name in wanted)
    if not other:
        return list(ids)
    keys: dict[str, set[str]] = {_spelling(name): set() for name in other}
    for name in table.id:
        if (key := _spelling(name)) in keys:
            keys[key].add(name)
    known = {name: keys[_spelling(name)] for name in other}
    return [next(iter(known[name])) if len(known.get(name, ())) == 1 else name for name in ids]


def _spelling(name: str) -> str:
    r"""Normalises the spelling of an id.

    >>> _spelling(".\\Dog\\1.JPG ")
    'dog/1.jpg'
    """
    return _folded(name).replace("\\", "/").removeprefix("./")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
