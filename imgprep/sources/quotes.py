"""JSON in single quotes, as handbooks and Python's `print` have it, made into JSON; nothing is evaluated."""

import re
from typing import Final

# A string that is not closed is a token too: trying again at each quote in it would take for ever.
_TOKEN: Final = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
    r"|'(?P<text>[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+)(?P<end>'?)"
    r"|\b(?P<word>None|True|False)\b",
    re.DOTALL,
)
_INSIDE: Final = re.compile(r"\\.|''|\"", re.DOTALL)
_WORDS: Final = {"None": "null", "True": "true", "False": "false"}
_CHANGED: Final = {"\\'": "'", "''": "'", '"': '\\"'}


def double_quoted(text: str) -> str:
    r"""The same JSON with its texts in double quotes, and Python's words for null, true and false replaced.

    In single quotes, a single quote is written ``\'`` or, as in CSV, twice. What is no JSON but for that stays none.

    >>> double_quoted("{'label': 'cat\\'s', 'new': True}")
    '{"label": "cat\'s", "new": true}'
    """
    return _TOKEN.sub(_token, text)


def _token(found: re.Match[str]) -> str:
    if word := found["word"]:
        return _WORDS[word]
    if not found["end"]:
        return found[0]
    return f'"{_INSIDE.sub(_inside, found["text"])}"'


def _inside(found: re.Match[str]) -> str:
    return _CHANGED.get(found[0], found[0])
