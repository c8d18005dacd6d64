"""Collects the problems of a spec and reports them all at once."""

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imgprep.errors import one_line

Keys = tuple[str | int, ...]
"""The location of a value: the keys and list indices from the top of the spec."""

_SHOWN = 48


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        keys: where, relative to whatever is being parsed.
        text: what is wrong and what to do.
        line: the line, when it is not that of the keys; 0 is unknown.
    """

    keys: Keys
    text: str
    line: int = 0

    def under(self, keys: Keys) -> "Problem":
        """The same, seen from further up."""
        return Problem(keys + self.keys, self.text, self.line)


class SpecError(ValueError):
    """Several problems; a ValueError so that pydantic carries it through."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{dotted(problem.keys)}: {problem.text}" for problem in self.problems))


def wrong(text: str, *keys: str | int) -> SpecError:
    """One problem, to be raised."""
    return SpecError([Problem(keys, text)])


def dotted(keys: Keys) -> str:
    """The keys as ``--set`` takes them.

    >>> dotted(("convert", "steps", 0, "clahe"))
    'convert.steps.0.clahe'
    """
    return ".".join(map(str, keys))


def suggestion(word: object, known: Iterable[str]) -> str:
    """``did you mean 'rgb'?`` for a word that is close to a known one in any case of letters, else ''.

    >>> suggestion("Chanels", ["channels", "size"])
    "did you mean 'channels'?"
    """
    lower = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(str(word).casefold(), list(lower), n=1, cutoff=0.6)
    return f"did you mean {lower[close[0]]!r}?" if close else ""


def unknown(what: str, word: object, known: Sequence[str]) -> str:
    """Refuses a name that is not in a list, with the nearest or all that are.

    >>> unknown("key", "zzz", ["b", "a"])
    "unknown key 'zzz'; known are a, b"
    """
    hint = suggestion(word, known) or (f"known are {', '.join(sorted(known))}" if known else "nothing is known here")
    return f"unknown {what} {shown(word)}; {hint}"


def shown(value: object) -> str:
    """A value as YAML would have it, short enough for a message.

    >>> shown([True, None, "a"])
    "[true, null, 'a']"
    """
    text = one_line(_yaml(value, 3))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _yaml(value: object, depth: int) -> str:
    if isinstance(value, dict | list | tuple) and not depth:
        return "..."
    if isinstance(value, dict):
        inside = ", ".join(f"{key}: {_yaml(inner, depth - 1)}" for key, inner in list(value.items())[:_SHOWN])
        return "{" + inside + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(inner, depth - 1) for inner in value[:_SHOWN]) + "]"
    plain = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return plain[value]
    return repr(value) if isinstance(value, str) else str(value)
