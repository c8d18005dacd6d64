"""What every generated page is made of."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder of the project."""


class Page(NamedTuple):
    """A file of the site.

    Attributes:
        path: relative to docs/.
        content: Markdown, or the bytes of a picture.
    """

    path: str
    content: str | bytes


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A Markdown table; line breaks and bars in cells are escaped.

    >>> print(table(["a", "b"], [["1|2", "x"]]))
    | a | b |
    |---|---|
    | 1\|2 | x |
    """
    lines = [_row(head), "|" + "---|" * len(head), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def code(value: Any) -> str:
    """A value as YAML in code font.

    >>> code(None), code(True), code([1, 2.0]), code("x"), code({"a": 1})
    ('`null`', '`true`', '`[1, 2.0]`', '`x`', '`{a: 1}`')
    """
    return f"`{flow(value)}`"


def flow(value: Any) -> str:
    """A value in the flow style of YAML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        plain = value and not set(value) & set(":#{}[],&*?|<>=!%@'\"\n") and value == value.strip()
        return value if plain else json.dumps(value)
    return json.dumps(value)


def sentence(text: str) -> str:
    """A phrase from a docstring as a sentence.

    >>> sentence("of each worker, in bytes."), sentence(""), sentence("``otsu`` or a number")
    ('Of each worker, in bytes.', '', '`otsu` or a number.')
    """
    plain = text.replace("``", "`").strip()
    if not plain:
        return ""
    return plain[0].upper() + plain[1:] + ("" if plain.endswith((".", ":")) else ".")
