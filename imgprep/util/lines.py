"""Text in lines of a width: broken between words only, with a hanging indent; and tables of any number of columns."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

GAP: Final = 2
"""Blanks between the columns of a table."""
LEAST: Final = 24
"""Columns that a line has at least, however narrow the terminal says it is: there, it breaks the line itself."""
COMMAND: Final = "then: "
"""The beginning of a line that is a shell command, to be copied."""
_WIDE: Final = frozenset("WF")
_NO_COLUMN: Final = frozenset({"Mn", "Me", "Cf"})
_WORD: Final = re.compile(r"\S+\s*")
_SHELL_WORD: Final = re.compile(r"(?:'[^']*'|\"[^\"]*\"|\\.|[^\s'\"\\])+\s*")


def columns(text: str) -> int:
    """The columns of a terminal that a text takes.

    >>> columns("abc"), columns("図a"), columns("e\u0301")
    (3, 3, 1)
    """
    if text.isascii():
        return len(text)
    kept = [char for char in text if unicodedata.category(char) not in _NO_COLUMN]
    return sum(2 if unicodedata.east_asian_width(char) in _WIDE else 1 for char in kept)


def breaks(text: str, width: int, word: re.Pattern[str] = _WORD) -> list[int]:
    """Offsets at which lines begin, without the first; words are never broken.

    Args:
        text: one line.
        width: of the lines, in columns; a word that is wider stands over.
        word: what is a word, with the blanks after it.
    """
    starts: list[int] = []
    used = 0
    for found in word.finditer(text):
        wide = columns(found[0].rstrip())
        if used and used + wide > width:
            starts.append(found.start())
            used = 0
        used += columns(found[0])
    return starts


def wrapped(text: str, width: int | None, hang: int = 2) -> str:
    """A text of any number of lines in lines of a width; what is continued hangs.

    A command, after `COMMAND`, can still be copied: it goes on after a backslash.

    Args:
        text: any.
        width: in columns; None leaves the text as it is.
        hang: blanks before a continued line, beside those that the line begins with.
    """
    return text if width is None else "\n".join(_hanging(line, max(width, LEAST), hang) for line in text.split("\n"))


def _hanging(line: str, width: int, hang: int) -> str:
    if columns(line) <= width:
        return line
    command = line.startswith(COMMAND)
    word, end = (_SHELL_WORD, " \\") if command else (_WORD, "")
    indent = " " * (len(line) - len(line.lstrip(" ")))
    body = line[len(indent) :]
    room = width - len(indent) - len(end)
    cut = breaks(body, room, word)
    if cut and columns(body[: cut[0]]) <= hang:  # a line of its own is no longer than the rest of this one
        cut = [cut[0] + start for start in breaks(body[cut[0] :], room - hang, word)]
    elif cut:  # the lines that are continued are shorter by the hang
        cut = [cut[0], *(cut[0] + start for start in breaks(body[cut[0] :], room - hang, word))]
    parts = [body[start:stop].rstrip() for start, stop in zip([0, *cut], [*cut, None], strict=True)]
    return f"{end}\n".join(indent + (" " * hang if number else "") + part for number, part in enumerate(parts))


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    width: int | None,
    *,
    gap: int = GAP,
    narrow: int = 20,
    ruled: bool = False,
) -> list[str]:
    """The lines of a table: the first column to the left, the others to the right.

    No name is cut. Where the columns do not fit, the table goes on below with the rest of them, each part with the
    first column; where the name of a row does not fit, its other cells stand in the line below it.

    Args:
        header: the names of the columns.
        rows: as many cells each.
        width: of a line, in columns; None for no limit.
        gap: blanks between columns.
        narrow: columns that the first one gets at most where there is no room for more.
        ruled: whether a line that is as wide as the table, and a blank on each side, is under the header.
    """
    every = [tuple(header), *map(tuple, rows)]
    wide = [max(map(columns, cells)) for cells in zip(*every, strict=True)]
    rest = [each + gap for each in wide[1:]]
    first = wide[0]
    if width is not None and first + sum(rest) > width:
        narrow = min(narrow, width - max(rest, default=0))
        names = [each for cells in every if (each := columns(cells[0])) <= max(narrow, width - sum(rest))]
        first = max(names, default=0)
    lines: list[str] = []
    for part in _parts(rest, None if width is None else width - first):
        below = [line for cells in every for line in _row(cells, [(each, rest[each - 1]) for each in part], first)]
        if ruled:
            full = first + sum(rest[each - 1] for each in part)
            below.insert(1, "─" * (full + (2 if width is None else max(0, min(2, width - full)))))
        lines += [*([""] if lines else []), *below]
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


def _row(cells: Sequence[str], part: Sequence[tuple[int, int]], first: int) -> list[str]:
    """The lines of a row: its name, and the cells of a part, each at the end of its columns."""
    rest = "".join(" " * (wide - columns(cells[each])) + cells[each] for each, wide in part).rstrip()
    name = cells[0]
    if columns(name) > first and rest:
        return [name, " " * first + rest]
    return [(name + " " * (first - columns(name)) + rest).rstrip()]
