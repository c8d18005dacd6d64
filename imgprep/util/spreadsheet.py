"""Protects CSV cells against being read as formulas by spreadsheets, reversibly."""

import re
from typing import Final

# Leading apostrophes match too: a cell that already looks protected gets another, so that `unprotect` restores it.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")


def protect(cell: str) -> str:
    """Puts an apostrophe before a cell that a spreadsheet would calculate.

    >>> protect("=1+1"), protect("'=1"), protect("plum")
    ("'=1+1", "''=1", 'plum')
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unprotect(cell: str) -> str:
    """Reverses `protect`.

    >>> unprotect("'=1+1"), unprotect("''=1"), unprotect("plum"), unprotect("'plum")
    ('=1+1', "'=1", 'plum', "'plum")
    """
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
