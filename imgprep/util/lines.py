"""Text in lines of a width: broken between words only, with a hanging indent; and tables of any number of columns."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

GAP: Final = 2
"""Blanks between the columns of a table."""
LEAST: Final = 24
"""Columns that a line has at least, however narrow the terminal says it is: there, it breaks the line itself."""
_WIDE: Final = frozenset("WF")
_NO_COLUMN: Final = frozenset({"Mn", "Me", "Cf"})


def columns(text: str) -> int:
    """The columns of a terminal that a text takes.

    >>> columns("abc"), columns("図a"), columns("e\u0301")
    (3, 3, 1)
    """
    if text.isascii():
        return len(text)
    kept = [char for char in text if unicodedata.category(char) not in _NO_COLUMN]
    return sum(2 if unicodedata.east_asian_width(char) in _WIDE else 1 for char in kept)


def breaks(text: str, width: int) -> list[int]:
    """Where lines begin, the first one left out: at words, which are never parted.

    Args:
        text: one line.
        width: of the lines, in columns; a word that is wider stands over.
    """
    starts: list[int] = []
    used = 0
    for word in re.finditer(r"\S+\s*", text):
        wide = columns(word[0].rstrip())
        if used and used + wide > width:
            starts.append(word.start())
            used = 0
        used += columns(word[0])
    return starts


def wrapped(text: str, width: int | None, hang: int = 2) -> str:
    """A text of any number of lines in lines of a width; what is continued hangs.

    Args:
        text: any.
        width: in columns; None leaves the text as it is.
        hang: blanks before a continued line, beside those that the line begins with.
    """
    return text if width is None else "\n".join(_hanging(line, max(width, LEAST), hang) for line in text.split("\n"))


def _hanging(line: str, width: int, hang: int) -> str:
    if columns(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip(" ")))
    body = line[len(indent) :]
    cut = breaks(body, width - len(indent))
    if cut:  # the lines that are continued are shorter by the hang
        cut = [cut[0], *(cut[0] + start for start in breaks(body[cut[0] :], width - len(indent) - hang))]
    parts = [body[start:end].rstrip() for start, end in zip([0, *cut], [*cut, None], strict=True)]
    return "\n".join(indent + (" " * hang if number else "") + part for number, part in enumerate(parts))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], width: int | None, narrow: int = 20) -> list[str]:
    """The lines of a table: the first column to the left, the others to the right.

    No name is cut. Where the columns do not fit, the table goes on below with the rest of them, each part with the
    first column; where the name of a row does not fit, its other cells stand in the line below it.

    Args:
        header: the names of the columns.
        rows: as many cells each.
        width: of a line, in columns; None for no limit.
        narrow: columns that the first one gets at most where there is no room for more.
    """
    every = [tuple(header), *map(tuple, rows)]
    wide = [max(map(columns, cells)) for cells in zip(*every, strict=True)]
    rest = [each + GAP for each in wide[1:]]
    first = wide[0]
    if width is not None and first + sum(rest) > width:
        names = [columns(cells[0]) for cells in every]
        first = min(first, max(width - sum(rest), narrow, *(each for each in names if each <= narrow), 0))
    lines: list[str] = []
    for part in _parts(rest, None if width is None else width - first):
        lines += [*([""] if lines else []), *(line for cells in every for line in _row(cells, part, first, wide))]
    return lines


def _parts(wide: Sequence[int], width: int | None) -> list[list[int]]:
    """The numbers of the columns after the first, as many together as there is room for."""
    parts: list[list[int]] = [[]]
    used = 0
    for number, each in enumerate(wide, start=1):
        if parts[-1] and width is not None and used + each > width:
            parts.append([])
            used = 0
        parts[-1].append(number)
        used += each
    return parts


def _row(cells: Sequence[str], part: Sequence[int], first: int, wide: Sequence[int]) -> list[str]:
    rest = "".join(" " * (GAP + wide[each] - columns(cells[each])) + cells[each] for each in part).rstrip()
    name = cells[0]
    if columns(name) > first and rest:
        return [name, " " * first + rest]
    return [(name + " " * (first - columns(name)) + rest).rstrip()]
