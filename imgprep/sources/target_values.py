"""Reads targets from the columns of a table: each distinct text once, then the rows by their codes."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import one_line
from imgprep.settings.problems import shown, suggestion
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import SampleTable, sort_classes
from imgprep.table.several_labels import several_labels
from imgprep.table.targets import Target

T = TypeVar("T")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA: Final = re.compile(r"[+-]?[0-9]+,[0-9]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MISSING: Final = frozenset({"", "nan"})
_YES: Final = frozenset({"1", "1.0", "true"})
_NO: Final = frozenset({"0", "0.0", "false"})
_MINUS: Final = frozenset({"-1", "-1.0"})


class WrongValue(NamedTuple):
    """A value that cannot be used.

    Attributes:
        row: of the table.
        text: what is wrong and what to do.
    """

    row: int
    text: str


class TargetValues(NamedTuple):
    """A target read from a table.

    Attributes:
        target: with its classes.
        array: (N,) or (N, K) as shards store it; rows that are no images have no meaning.
        wrong: values that cannot be used, in the order of the rows.
    """

    target: Target
    array: NDArray[Any]
    wrong: tuple[WrongValue, ...] = ()


def read_target(target: Target, table: SampleTable) -> TargetValues:
    """Reads the values of a target for every row of a table.

    Args:
        target: whose columns are attributes of the table, in that spelling.
        table: of samples; skipped rows are not looked at.
    """
    images = ~table.status.where("skipped")
    columns = [table.attributes[name] for name in target.columns]
    if len(columns) > 1:
        return _from_indicators(target, columns, images)
    return {"category": _category, "number": _number, "many": _tags}[target.kind](target, columns[0], images)


def _texts(column: CategoryColumn, images: NDArray[np.bool_]) -> dict[int, str]:
    """Code -> text of the values that images have, in order of first appearance."""
    codes, first = np.unique(column.codes[images], return_index=True)
    return {code: column.values[code].strip() for code in codes[np.argsort(first)].tolist()}


def _parsed(
    parse: Callable[[str], T], column: CategoryColumn, images: NDArray[np.bool_]
) -> tuple[dict[int, T], list[WrongValue]]:
    """Code -> parsed text, and the texts that cannot be, each at its first row."""
    found: dict[int, T] = {}
    wrong = []
    for code, text in _texts(column, images).items():
        try:
            found[code] = parse(text)
        except ValueError as error:
            wrong.append(WrongValue(_first(column, code, images), str(error)))
    return found, wrong


def _first(column: CategoryColumn, code: int, images: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero((column.codes == code) & images)[0])


def _number(target: Target, column: CategoryColumn, images: NDArray[np.bool_]) -> TargetValues:
    found, wrong = _parsed(_as_number, column, images)
    values = np.full(len(column.values), np.nan, np.float32)
    values[list(found)] = list(found.values())
    return TargetValues(target, values[column.codes], tuple(wrong))


def _as_number(text: str) -> float:
    """The number of a cell; NaN for an empty one.

    Raises:
        ValueError: it is no number, or none that float32 holds.
    """
    if text.casefold() in _MISSING:
        return math.nan
    if not _NUMBER.fullmatch(text):
        hint = f"; write {text.replace(',', '.')}" if _COMMA.fullmatch(text) else "; leave the cell empty for no value"
        raise ValueError(f"{shown(text)} is no number{hint}")
    value = float(text)
    with np.errstate(over="ignore", under="ignore"):
        stored = float(np.float32(value))
    if math.isinf(stored) or (value and not stored):
        raise ValueError(f"{shown(text)} is too {'large' if value > 1 or value < -1 else 'small'} for float32")
    return stored


def _category(target: Target, column: CategoryColumn, images: NDArray[np.bool_]) -> TargetValues:
    found, wrong = _parsed(_as_class, column, images)
    names = [name for name in found.values() if name]
    wrong += _joined(target, column, images, found)
    target = replace(target, classes=target.classes or sort_classes(names))
    wrong += _unlisted(target, column, images, {code: [name] for code, name in found.items() if name})
    index = {name: place for place, name in enumerate(target.classes)}
    codes = np.full(len(column.values), target.missing_index, target.dtype)
    for code, name in found.items():
        codes[code] = index.get(name, target.missing_index)
        if not name and not target.ignore_missing:
            advice = f"{{category: {target.columns[0]}, missing: ignore}} gives such images the index"
            text = f"no value; fill it in, or set targets.{target.name}: {advice} {target.missing_index}"
            wrong.append(WrongValue(_first(column, code, images), text))
    return TargetValues(target, codes[column.codes], _sorted(wrong))


def _as_class(text: str) -> str:
    """The class of a cell; '' for an empty one."""
    if text.casefold() in _MISSING:
        return ""
    if _CONTROL.search(text):
        raise ValueError(f"a class cannot be called {shown(text)}; use a name without control characters")
    if _json(text) is not None:
        raise ValueError(f"{shown(text)} is a list; several classes for one image are `many`")
    return text


def _joined(
    target: Target, column: CategoryColumn, images: NDArray[np.bool_], found: Mapping[int, str]
) -> Iterator[WrongValue]:
    """Refuses a category that is several in one cell."""
    several = None if target.classes else several_labels([name for name in found.values() if name])
    if several is not None:
        code = next(code for code, name in found.items() if name == several.label)
        text = f"{shown(several.label)} looks like several classes; several for one image are `many`"
        yield WrongValue(_first(column, code, images), text)


def _tags(target: Target, column: CategoryColumn, images: NDArray[np.bool_]) -> TargetValues:
    found, wrong = _parsed(lambda text: _as_tags(text, target.separator), column, images)
    names = {name for tags in found.values() for name in tags}
    split = {name for code, tags in found.items() if _json(column.values[code].strip()) is None for name in tags}
    several = None if target.classes else several_labels(sorted(split), suspicious=True)
    if several is not None:
        code = next(code for code, tags in found.items() if several.label in tags)
        advice = f"set targets.{target.name}: {{many: {target.columns[0]}, separator: '{several.separator}'}}"
        wrong.append(
            WrongValue(_first(column, code, images), f"{shown(several.label)} looks like several tags; {advice}")
        )
    target = replace(target, classes=target.classes or sort_classes(names))
    wrong += _unlisted(target, column, images, found)
    index = {name: place for place, name in enumerate(target.classes)}
    rows = np.zeros((len(column.values), len(target.classes)), np.uint8)
    for code, tags in found.items():
        rows[code, [index[name] for name in tags if name in index]] = 1
    return TargetValues(target, rows[column.codes], _sorted(wrong))


def _as_tags(text: str, separator: str) -> list[str]:
    """The tags of a cell: between separators, or a list of texts in JSON; none for an empty one."""
    given = _json(text)
    if given is not None:
        if not all(isinstance(name, str) and name.strip() for name in given):
            raise ValueError(f"{shown(text)} is no list of texts")
        tags = [name.strip() for name in given]
    else:
        tags = [] if text.casefold() in _MISSING else [name.strip() for name in text.split(separator)]
    if not all(tags):
        raise ValueError(f"{shown(text)} has nothing before or after a {separator!r}; remove it")
    if bad := [name for name in tags if _CONTROL.search(name)]:
        raise ValueError(f"a tag cannot be called {shown(bad[0])}; use a name without control characters")
    return tags


def _json(text: str) -> list[Any] | None:
    """A list in JSON, in double quotes or in single ones; None for other text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for form in (text, text.replace("'", '"')):
        with suppress(ValueError, RecursionError):
            found: list[Any] = json.loads(form)
            return found
    return None


def _unlisted(
    target: Target, column: CategoryColumn, images: NDArray[np.bool_], found: Mapping[int, Sequence[str]]
) -> Iterator[WrongValue]:
    """Refuses classes that a list in the spec does not name."""
    known = {*target.classes}
    for code, names in found.items():
        for name in names:
            if name not in known:
                hint = suggestion(name, target.classes) or "add it, or correct the table"
                text = f"{shown(name)} is not in targets.{target.name}.classes; {hint}"
                yield WrongValue(_first(column, code, images), text)


def _from_indicators(target: Target, columns: Sequence[CategoryColumn], images: NDArray[np.bool_]) -> TargetValues:
    """Tags from a column of 0 and 1 for each; of -1 and 1 where no column has a 0."""
    texts = [_texts(column, images) for column in columns]
    signed = not any(text.casefold() in _NO for each in texts for text in each.values())
    no = _NO | _MINUS if signed else _NO
    array = np.zeros((len(images), len(columns)), np.uint8)
    wrong = []
    for place, (column, each) in enumerate(zip(columns, texts, strict=True)):
        lut = np.zeros(len(column.values), np.uint8)
        for code, text in each.items():
            lut[code] = text.casefold() in _YES
            if text.casefold() not in _YES | no:
                found = f"{shown(text)} in the column" if text else "no value in the column"
                said = f"{found} {one_line(target.columns[place], 80)}; it says 1 or 0 for each image"
                wrong.append(WrongValue(_first(column, code, images), said))
        array[:, place] = lut[column.codes]
    classes = target.classes or target.columns
    return TargetValues(replace(target, classes=classes), array, _sorted(wrong))


def _sorted(wrong: Sequence[WrongValue]) -> tuple[WrongValue, ...]:
    return tuple(sorted(wrong, key=lambda value: value.row))
