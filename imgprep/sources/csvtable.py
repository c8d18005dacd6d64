"""Reads CSV and TSV: RFC 4180, and the looser forms that people write by hand.

Beyond the standard: single quotes, blanks around fields, and pixels as an unquoted nested list with the delimiter in
it. A field may be of any length.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from imgprep.archives.files import open_plain
from imgprep.errors import RequestError, one_line

MAX_ROW: Final = 256 << 20
DELIMITERS: Final = ",;\t"
_DOUBLE: Final = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')
_SINGLE: Final = re.compile(r"'([^']*+(?:''[^']*+)*+)'")
_BRACKET: Final = re.compile(r"[\[\]]")
_NESTED: Final = re.compile(r"\[\s*\[")
_WORDS: Final = {**dict.fromkeys(("nan", "+nan", "-nan"), float("nan")), "true": True, "false": False}


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        line: its first line in the file, from 1 on.
        values: by column; numbers, booleans, None and lists occur in JSON, and in columns that were asked for typed.
        span: (offset, length) in bytes of pixels that the row holds itself; they are not among the values.
    """

    line: int
    values: dict[str, object]
    span: tuple[int, int] | None = None


class _Field(NamedTuple):
    text: str
    quoted: bool
    start: int


class _OpenQuoteError(Exception):
    """A quoted field continues in the next line."""


def read_csv(
    path: Path, delimiter: str | None = None, *, pixels: str = "", typed: str = "", quotes: str = "\"'"
) -> Iterator[Row]:
    """Reads a table row by row; blank lines are passed over.

    Args:
        path: the table, in UTF-8; gzip when its name ends in ``.gz``.
        delimiter: one character; by default a tab for ``.tsv``, else a comma.
        pixels: the column, in any case of letters, that may hold images as nested lists.
        typed: the column, in any case of letters, in which an unquoted ``NaN``, ``true`` or ``false`` is no text.
        quotes: the characters that fields may be quoted with.

    Raises:
        RequestError: with file and line: it is no UTF-8, there is a NUL anywhere but among the locations, one of these
            columns is missing, a row is too short or too long, a quote is not closed.
        SourceError: the gzip file is damaged.
    """
    with open_plain(path) as file:
        reader = _Reader(path, file, delimiter or _usual_delimiter(path), quotes)
        names = reader.header()
        lower = [name.casefold() for name in names]
        if missing := [name for name in (typed, pixels) if name and name.casefold() not in lower]:
            raise reader.error(1, no_column(missing[0], names, labels=missing[0] == typed))
        typed_at = lower.index(typed.casefold()) if typed else -1
        reader.pixels = lower.index(pixels.casefold()) if pixels else -1
        for line, offset, text, fields in reader.rows():
            reader.check(line, fields, len(names))
            values: dict[str, object] = dict(zip(names, [field.text for field in fields], strict=True))
            if typed_at >= 0 and not fields[typed_at].quoted:
                word = fields[typed_at].text
                values[names[typed_at]] = _WORDS.get(word.casefold(), word)
            span = None
            if reader.pixels >= 0 and is_pixels(fields[reader.pixels].text):
                field = fields[reader.pixels]
                span = (offset + len(text[: field.start].encode()), len(field.text.encode()))
                del values[names[reader.pixels]]
            yield Row(line, values, span)


def read_header(path: Path, delimiter: str | None = None) -> list[str]:
    """The names of the columns; see `read_csv`."""
    with open_plain(path) as file:
        return _Reader(path, file, delimiter or _usual_delimiter(path)).header()


def find_delimiter(path: Path, columns: Iterable[str]) -> tuple[str, list[str]]:
    """The delimiter with which the header of a table has some columns, and its columns; else the usual one.

    Raises:
        RequestError: see `read_csv`.
    """
    wanted = {name.casefold() for name in columns}
    usual = _usual_delimiter(path)
    for delimiter in dict.fromkeys((usual, *DELIMITERS)):
        header = read_header(path, delimiter)
        if wanted <= {name.casefold() for name in header}:
            return delimiter, header
    return usual, read_header(path, usual)


def _usual_delimiter(path: Path) -> str:
    return "\t" if ".tsv" in {suffix.lower() for suffix in path.suffixes[-2:]} else ","


def is_pixels(text: str) -> bool:
    """Returns whether a location is a list of numbers rather than a path.

    >>> is_pixels("[[0,1]]"), is_pixels("[old]/1.jpg")
    (True, False)
    """
    return text[:1] == "[" and text[-1:] == "]"


def no_column(column: str, names: Iterable[str], *, labels: bool = False) -> str:
    """The complaint that a table lacks a column, which may be that of the labels."""
    there = one_line(", ".join(names) or "none", 120)
    without = "; or say source.labels: none, with targets for several labels of each image" if labels else ""
    return f"no column {column!r}, there are: {there}; name it in the spec, or set source.delimiter{without}"


def _advice(fields: list[_Field]) -> str:
    if len(fields) == 1:
        return "set source.delimiter if it is another one"
    return "put a field that holds the delimiter in double quotes, and leave none out"


class _Reader:
    """The rows of an open table as fields."""

    def __init__(self, path: Path, file: BinaryIO, delimiter: str, quotes: str = "\"'") -> None:
        self.path = path
        self.file = file
        self.delimiter = delimiter
        self.quotes = quotes
        self.blanks = re.compile("[ \t]*" if delimiter != "\t" else "[ ]*")
        self.pixels = -1
        self.line = 0
        self.offset = 0

    def error(self, line: int, message: str) -> RequestError:
        return RequestError(f"{one_line(self.path)}:{line}: {message}")

    def check(self, line: int, fields: list[_Field], wanted: int) -> None:
        """A NUL in a location costs that row, as any path that cannot be; elsewhere the file is no text."""
        if len(fields) != wanted:
            raise self.error(line, f"{len(fields)} fields where the header has {wanted}; {_advice(fields)}")
        if any("\0" in field.text for at, field in enumerate(fields) if at != self.pixels):
            raise self.error(line, "a NUL byte; save the table as UTF-8 text")

    def header(self) -> list[str]:
        for _, _, _, fields in self.rows():
            self.check(self.line, fields, len(fields))
            names = [field.text for field in fields]
            lower = [name.casefold() for name in names]
            if twice := [name for name in lower if lower.count(name) > 1]:
                raise self.error(self.line, f"two columns are called {one_line(twice[0], 80)!r}; rename one")
            return names
        raise self.error(1, "the table is empty; the first line names the columns")

    def rows(self) -> Iterator[tuple[int, int, str, list[_Field]]]:
        """(line, offset, text, fields) of each row."""
        while True:
            line, offset = self.line + 1, self.offset
            if not (text := self.next_line()):
                return
            if '"' in text or "'" in text or "[" in text:
                text, fields = self.careful(line, text)
            else:
                plain = text.rstrip("\r\n")
                fields = [_Field(part.strip(), False, 0) for part in plain.split(self.delimiter)]
            if len(fields) > 1 or fields[0].text or fields[0].quoted:
                yield line, offset, text, fields

    def next_line(self) -> str:
        raw = self.file.readline(MAX_ROW + 1)
        self.line += 1
        if len(raw) > MAX_ROW:
            raise self.error(self.line, f"a line of more than {MAX_ROW >> 20} MiB; is this a table?")
        if self.line == 1:
            raw = self.checked_start(raw)
        self.offset += len(raw)
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            where = f"byte {error.start + 1} of the line"
            raise self.error(self.line, f"{where} is not UTF-8; save the table as UTF-8") from None

    def checked_start(self, raw: bytes) -> bytes:
        if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in raw[:4]:
            raise self.error(1, "the table is UTF-16; save it as UTF-8")
        if raw[:3] == b"\xef\xbb\xbf":
            self.offset = 3
            raw = raw[3:]
        if b"\r" in raw.rstrip(b"\r\n"):
            raise self.error(1, "lines end in carriage returns alone; save the table with newlines")
        return raw

    def careful(self, line: int, text: str) -> tuple[str, list[_Field]]:
        """Splits a row that has quotes or lists; takes in further lines while a double quote is open."""
        while True:
            try:
                return text, self.split(line, text)
            except _OpenQuoteError:
                text += self.up_to_quote(line, len(text))

    def up_to_quote(self, line: int, size: int) -> str:
        parts = []
        while part := self.next_line():
            parts.append(part)
            size += len(part)
            if size > MAX_ROW:
                break
            if '"' in part.replace('""', ""):
                return "".join(parts)
        raise self.error(line, "a double quote is opened and never closed; close it, or write it twice")

    def split(self, line: int, text: str) -> list[_Field]:
        end = len(text.rstrip("\r\n"))
        fields: list[_Field] = []
        position = 0
        while True:
            start = self.skip(text, position)
            if start < end and text[start] in self.quotes:
                field, position = self.quoted(line, text, start)
            else:
                position = self.plain_end(text, start, end, pixels=len(fields) == self.pixels)
                field = _Field(text[start:position].rstrip(), False, start)
            fields.append(field)
            if position >= end:
                return fields
            position += 1

    def skip(self, text: str, position: int) -> int:
        found = self.blanks.match(text, position)
        return found.end() if found else position

    def quoted(self, line: int, text: str, start: int) -> tuple[_Field, int]:
        mark = text[start]
        found = (_DOUBLE if mark == '"' else _SINGLE).match(text, start)
        if found is None or (mark == "'" and "\n" in found[1]):
            if mark == '"':
                raise _OpenQuoteError
            raise self.error(line, "a single quote is opened and not closed; close it, or use double quotes around it")
        position = self.skip(text, found.end())
        if position < len(text) and text[position] not in {self.delimiter, "\r", "\n"}:
            raise self.error(line, "text after a closing quote; is an earlier quote not closed?")
        return _Field(found[1].replace(mark * 2, mark), True, start + 1), position

    def plain_end(self, text: str, start: int, end: int, *, pixels: bool) -> int:
        """Returns the end of an unquoted field: at the delimiter, or that of a nested list at its last bracket."""
        if pixels and _NESTED.match(text, start):
            depth = 0
            for bracket in _BRACKET.finditer(text, start, end):
                depth += 1 if bracket[0] == "[" else -1
                if depth == 0:
                    found = text.find(self.delimiter, bracket.end(), end)
                    return end if found < 0 else found
        found = text.find(self.delimiter, start, end)
        return end if found < 0 else found
