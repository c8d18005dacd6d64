"""The width that text for people is laid out for."""

import os
from typing import TextIO


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal that a stream goes to; None for a file or a program, which get whole lines.

    The variable COLUMNS comes first, as in other programs.
    """
    try:
        if not stream.isatty():
            return None
        return asked_width() or os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # a stream without a descriptor, or one that is closed
        return None


def asked_width() -> int | None:
    """Columns that the variable COLUMNS asks for; None without it."""
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isdecimal() and 0 < int(asked) < 10_000 else None
