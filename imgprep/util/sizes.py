"""Parses sizes in bytes, such as 64 MiB."""

import re
from fractions import Fraction
from typing import Final

SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(?:([kKmMgGtT])([iI]?))?[bB]?")
"""Matches a size without surrounding blanks."""
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(value: object) -> int:
    """Reads a number of bytes.

    Args:
        value: a whole number, or text: a number and a unit, in capitals or not: B, KB, MB, GB, TB (powers of 1000),
            KiB, MiB, GiB, TiB (powers of 1024); the B may be left out.

    Raises:
        ValueError: it is neither, or less than one byte.

    >>> parse_size("64 MiB"), parse_size("64mib"), parse_size("1.5kB"), parse_size(512)
    (67108864, 67108864, 1500, 512)
    """
    size = 0
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := SIZE.fullmatch(value.strip())):
        number, letter, binary = match.groups()
        size = int(Fraction(number) * (1024 if binary else 1000) ** _POWERS[(letter or "").upper()])
    if size < 1:
        raise ValueError(f"expected a size such as 64 MiB, not {value!r}")
    return size
