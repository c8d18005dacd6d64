"""Cells of CSV files that no spreadsheet takes for a formula, and that can be read back as they were."""

import re
from typing import Final

# The apostrophes count: what already looks protected gets another, else reading would take away one that was there.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")


def protect(cell: str) -> str:
    """A cell with an apostrophe before what a spreadsheet would calculate.

    >>> protect("=1+1"), protect("'=1"), protect("plum")
    ("'=1+1", "''=1", 'plum')
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unprotect(cell: str) -> str:
    """The cell as it was before `protect`.

    >>> unprotect("'=1+1"), unprotect("''=1"), unprotect("plum"), unprotect("'plum")
    ('=1+1', "'=1", 'plum', "'plum")
    """
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
