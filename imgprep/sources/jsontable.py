"""Reads tables in JSON: an array of objects, or one object in each line (JSON Lines); an object at a time.

Strictly, but for texts in single quotes, which are read too.
"""

import json
import math
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NoReturn

from imgprep.archives.files import open_plain, open_seekable
from imgprep.errors import RequestError, one_line
from imgprep.sources.csvtable import MAX_ROW, Row, is_pixels
from imgprep.sources.quotes import double_quoted

LINES: Final = frozenset({".jsonl", ".ndjson"})
MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 1000
# A string that is not closed is a token too: trying again at each escaped quote in it would take for ever.
_TOKEN: Final = re.compile(
    rb"""
    "[^"\\]*+(?:\\.[^"\\]*+)*+"?
    | '[^'\\]*+(?:\\.[^'\\]*+)*+'?
    | [\[\]{}]
    """,
    re.DOTALL | re.VERBOSE,
)
_SPACE: Final = re.compile(rb"[ \t\r\n]*")


def read_json(path: Path, *, pixels: str = "") -> Iterator[Row]:
    """Reads a table object by object.

    Args:
        path: the table, in UTF-8; JSON Lines when it is called ``.jsonl`` or ``.ndjson``, gzip with ``.gz`` after it.
        pixels: the column that may hold images as nested lists, in any case of letters; the span of such a row is
            that of the whole object.

    Raises:
        RequestError: with file and line: it is no strict JSON, no array of objects, or nested too deeply.
        SourceError: the gzip file is damaged.
    """
    is_lines = not LINES.isdisjoint(suffix.lower() for suffix in path.suffixes[-2:])
    objects = _lines(path) if is_lines else _array(path)
    shown = one_line(path)
    for line, offset, text in objects:
        record = parse_object(text, f"{shown}:{line}")
        span = None
        value = record.get(name := find(record, pixels))
        if isinstance(value, list) or (isinstance(value, str) and is_pixels(value)):
            del record[name]
            span = (offset, len(text))
        yield Row(line, record, span)


def find(record: dict[str, object], column: str) -> str:
    """The key of a column, whatever its case; '' when there is none."""
    if column in record:
        return column
    return next((name for name in record if name.casefold() == column.casefold()), "")


def parse_object(text: bytes, where: str) -> dict[str, object]:
    """Parses one object.

    Raises:
        RequestError: it is no object in strict JSON, but for single quotes: no duplicate keys, NaN, endless numbers or
            halves of characters.
    """
    try:
        record = _decoded(text.decode())
    except UnicodeDecodeError:
        raise RequestError(f"{where}: not UTF-8; save the table as UTF-8") from None
    except RecursionError:
        raise RequestError(f"{where}: nested too deeply; is this a table of images?") from None
    except ValueError as error:
        raise RequestError(f"{where}: not strict JSON: {_explained(error)}") from None
    if not isinstance(record, dict):
        raise RequestError(f"{where}: expected an object with a label and a location")
    return record


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    for name, value in pairs:
        for text in (name, value):
            if isinstance(text, str) and not text.isascii():
                text.encode()  # halves of characters have no UTF-8
    return record


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if len(digits) > MAX_DIGITS or math.isinf(number):
        raise ValueError("a number of more digits than anything has")
    return number


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)


def _decoded(text: str) -> object:
    """Reads JSON; text in single quotes too, where it is no JSON otherwise."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        if "'" not in text:
            raise
    return _DECODER.decode(double_quoted(text))


def _explained(error: ValueError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "half of a character, an escape like \\ud800 alone"
    if "digits" in str(error):
        return "a number too large or too long to be one"
    return one_line(error, 100)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    with open_plain(path) as file:
        offset, line = 0, 0
        while raw := file.readline(MAX_ROW + 1):
            line += 1
            if len(raw) > MAX_ROW:
                raise RequestError(f"{one_line(path)}:{line}: a line of more than {MAX_ROW >> 20} MiB")
            start = _bom(raw, path) if line == 1 else 0
            if raw[start:].strip():
                yield line, offset + start, raw[start:]
            offset += len(raw)


def _bom(raw: bytes, path: Path) -> int:
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in raw[:4]:
        raise RequestError(f"{one_line(path)}:1: the table is UTF-16; save it as UTF-8")
    return 3 if raw[:3] == b"\xef\xbb\xbf" else 0


def _array(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Cuts an array into its objects by brackets alone; each is parsed on its own."""
    with open_seekable(path) as file:
        if not file.seek(0, 2):
            raise RequestError(f"{one_line(path)}:1: the table is empty; write an array of objects")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            yield from _Array(path, text).objects(file)


class _Array:
    def __init__(self, path: Path, text: mmap.mmap) -> None:
        self.path = path
        self.text = text
        self.counted = (0, 1)

    def line(self, position: int) -> int:
        """The line of a position; positions only grow."""
        start, line = self.counted
        line += self.text[start:position].count(b"\n")
        self.counted = (position, line)
        return line

    def error(self, position: int, message: str) -> RequestError:
        return RequestError(f"{one_line(self.path)}:{self.line(position)}: {message}")

    def objects(self, file: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
        file.seek(0)
        position = self.after_space(_bom(file.read(4), self.path))
        if self.text[position : position + 1] != b"[":
            raise self.error(position, "expected an array of objects; for one object in each line, call it .jsonl")
        position = self.after_space(position + 1)
        if self.text[position : position + 1] == b"]":
            return self.finish(position)
        while True:
            if self.text[position : position + 1] != b"{":
                raise self.error(position, "expected an object with a label and a location")
            end = self.end_of_object(position)
            yield self.line(position), position, self.text[position:end]
            position = self.after_space(end)
            mark = self.text[position : position + 1]
            if mark == b"]":
                return self.finish(position)
            if mark != b",":
                left_out = self.text[position : position + 3] == b"..."
                hint = "; ... stands for what was left out, remove it" if left_out else ""
                raise self.error(min(position, len(self.text)), f"expected a comma or the end of the array{hint}")
            position = self.after_space(position + 1)

    def finish(self, position: int) -> None:
        if self.after_space(position + 1) != len(self.text):
            raise self.error(position, "something follows the end of the array")

    def after_space(self, position: int) -> int:
        found = _SPACE.match(self.text, position)
        return found.end() if found else position

    def end_of_object(self, start: int) -> int:
        depth = 0
        for token in _TOKEN.finditer(self.text, start):
            first = self.text[token.start()]
            depth += (first in b"[{") - (first in b"]}")
            if depth == 0 and first in b"]}":
                return token.end()
            if depth > MAX_DEPTH:
                raise self.error(start, f"nested more than {MAX_DEPTH} deep; is this a table of images?")
            if token.end() - start > MAX_ROW:
                raise self.error(start, f"an object of more than {MAX_ROW >> 20} MiB; is this a table?")
        raise self.error(start, "an object is not closed; is the file cut short, or a quote not closed?")
