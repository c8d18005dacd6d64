"""``images.csv``: one row for each entry of the collection with every number that was measured of it, for pandas.

Written some rows at a time, so that it takes no more memory for a million images than for a thousand.
"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Evidence
from imgprep.checks.measurements import FLAGS, OTHER_FLAG, Measurements
from imgprep.table.columns import CategoryColumn, blocks
from imgprep.util.spreadsheet import protect

ROWS: Final = 4096
ABOUT: Final = ("id", "status", "reason", "class", "original_class", "split", "group", "bytes")
"""Columns from the listing, of every entry. The original class is that of the source, where a decision replaced it."""


def _text(column: str, places: int) -> Callable[[Measurements], list[Any]]:
    return lambda measured: np.round(measured.numbers(column), places).tolist()


def _whole(column: str) -> Callable[[Measurements], list[Any]]:
    return lambda measured: measured[column].astype(np.int64).tolist()


def _digest(column: str) -> Callable[[Measurements], list[Any]]:
    return lambda measured: [row.tobytes().hex() for row in np.ascontiguousarray(measured[column])]


def _flags(measured: Measurements) -> list[Any]:
    words = measured["flags"].tolist()
    names = {word: _names(word) for word in set(words)}
    return [names[word] for word in words]


def _names(word: int) -> str:
    known = [flag for bit, flag in enumerate(FLAGS) if word >> bit & 1]
    return " ".join([*known, *(["other"] if word >> OTHER_FLAG & 1 else [])])


MEASURED: Final[dict[str, Callable[[Measurements], list[Any]]]] = {
    "width": _whole("width"),
    "height": _whole("height"),
    "flags": _flags,
    "brightness": _text("mean", 6),
    "darkest": _text("low", 6),
    "brightest": _text("high", 6),
    "contrast": lambda measured: np.round(measured.numbers("high") - measured.numbers("low"), 6).tolist(),
    "deviation": _text("spread", 6),
    "constant": _whole("constant"),
    "sharpness": _text("blur", 4),
    "hue": lambda measured: ["" if hue < 0 else round(hue, 3) for hue in measured.numbers("hue").tolist()],
    "hue_share": _text("hue_share", 6),
    "saturation": _text("colorful", 6),
    "center_x": _text("x", 6),
    "center_y": _text("y", 6),
    "scale": _text("scale", 6),
    "touch": _text("touch", 6),
    "perceptual_hash": lambda measured: [f"{value:016x}" for value in measured["hash"].tolist()],
    "bytes_digest": _digest("data"),
    "pixels_digest": _digest("pixels"),
}
"""Column -> its values; empty for an image that was not measured."""
COLUMNS: Final = (*ABOUT, *MEASURED)


def images_csv(evidence: Evidence) -> Iterator[bytes]:
    """The table in UTF-8, a piece at a time: a header, then every entry in the order of the collection."""
    yield _encoded([COLUMNS])
    for block in blocks(len(evidence.table), ROWS):
        yield _encoded(_rows(evidence, block))


def _rows(evidence: Evidence, block: slice) -> Iterator[tuple[Any, ...]]:
    rows = np.arange(block.start, min(block.stop, len(evidence.table)))
    table = evidence.table
    said = (table.status, table.reason, table.label, table.original_label, table.split, table.group)
    empty = [""] * len(rows)
    texts = [[protect(text) for text in table.id[rows]]]
    texts += [empty if column is None else _categories(column[rows]) for column in said]
    sizes = [size or "" for size in table.stamp[rows, 0].tolist()]
    columns: list[list[Any]] = [empty] * len(MEASURED)
    if evidence.measurements is not None:
        part = evidence.measurements.at(rows)
        measured = part.valid & np.array([status == "ok" for status in texts[1]])
        columns = [_where(measured, values(part)) for values in MEASURED.values()]
    return zip(*texts, sizes, *columns, strict=True)


def _categories(column: CategoryColumn) -> list[str]:
    """The values of a column, each of them protected once."""
    codes = column.codes.tolist()
    shown = {code: protect(column.values[code]) for code in set(codes)}
    return [shown[code] for code in codes]


def _where(measured: NDArray[np.bool_], values: list[Any]) -> list[Any]:
    if measured.all():
        return values
    return [value if there else "" for value, there in zip(values, measured.tolist(), strict=True)]


def _encoded(rows: Any) -> bytes:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue().encode("utf-8", "backslashreplace")
