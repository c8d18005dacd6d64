"""Counts in words: one image, two images."""

from collections.abc import Mapping
from typing import Final

_VERBS: Final[Mapping[str, str]] = {"is": "are", "was": "were", "has": "have", "does": "do", "changes": "change"}


def quantity(count: int, noun: str = "image", verb: str = "") -> str:
    """A number with its noun, and with a verb of the same number.

    Args:
        count: of the things.
        noun: one of them; its plural is regular.
        verb: is, was, has, does or changes; '' for none.

    >>> quantity(1), quantity(2, "class"), quantity(1, "file", "was"), quantity(0, "row", "has")
    ('1 image', '2 classes', '1 file was', '0 rows have')
    """
    if count != 1:
        noun += "es" if noun.endswith("s") else "s"
        verb = _VERBS.get(verb, verb)
    return f"{count} {noun} {verb}".rstrip()
