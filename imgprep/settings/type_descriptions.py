"""Describes in plain words the values that a field takes, from its type."""

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen

_PLAIN: Final[Mapping[object, str]] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    Path: "a path",
    date: "a date such as 2026-12-31",
    type(None): "null",
}
_PLURAL: Final[Mapping[object, str]] = {bool: "booleans", int: "integers", float: "numbers", str: "texts"}
_NUMERAL: Final = {2: "two", 3: "three", 4: "four"}


def expectation(hint: object, metadata: Iterable[object] = ()) -> str:
    """Describes the values that a type accepts.

    A text in the metadata of ``Annotated`` says it outright.

    >>> expectation(Annotated[int, Ge(1)] | Literal["auto"])
    'an integer of at least 1 or auto'
    >>> expectation(tuple[float, float])
    'two numbers [low, high]'
    """
    if get_origin(hint) is Annotated:
        hint, *inner = get_args(hint)
        metadata = [*inner, *metadata]
    marks = list(_flat(metadata))
    said = [mark for mark in marks if isinstance(mark, str)]
    if said:
        return said[0]
    what, comma, items = _of_type(hint).partition(", each item ")
    return what + _bounds(marks) + comma + items


def choices(hint: object) -> list[str]:
    """The words that a type takes, for suggestions.

    >>> choices(Literal["a", "b"] | int)
    ['a', 'b']
    """
    if get_origin(hint) is Literal:
        return [value for value in get_args(hint) if isinstance(value, str)]
    if get_origin(hint) in {Union, types.UnionType, Annotated}:
        return [word for part in get_args(hint) for word in choices(part)]
    return []


def listed(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _of_type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        return listed([str(value) for value in arguments])
    if origin in {Union, types.UnionType}:
        return _any_of(sorted(arguments, key=lambda part: part is type(None)))
    return _of_container(origin, arguments) if isinstance(origin, type) else "a mapping of keys"


def _any_of(parts: Sequence[Any]) -> str:
    if all(part is type(None) or get_origin(part) is Literal for part in parts):
        return listed([str(value) for part in parts for value in get_args(part) or ("null",)])
    return " or ".join(expectation(part) for part in parts)


def _of_container(origin: type, arguments: tuple[Any, ...]) -> str:
    if issubclass(origin, Mapping):
        return f"a mapping, each value {expectation(arguments[1])}"
    if origin is tuple and Ellipsis not in arguments:
        return _fixed(arguments)
    return f"a list, each item {expectation(arguments[0])}"


def _fixed(arguments: tuple[Any, ...]) -> str:
    """A list of fixed length; ranges are [low, high] everywhere."""
    first, *metadata = get_args(arguments[0]) if get_origin(arguments[0]) is Annotated else (arguments[0],)
    if len(set(arguments)) > 1 or first not in _PLURAL:
        return f"a list of {len(arguments)}: " + ", ".join(expectation(part) for part in arguments)
    bounds = _bounds(list(_flat(metadata)))
    names = " [low, high]" if len(arguments) == 2 and first in {int, float} else ""
    each = f", each {bounds.strip()}" if bounds else ""
    return f"{_NUMERAL.get(len(arguments), len(arguments))} {_PLURAL[first]}{names}{each}"


def _flat(metadata: Iterable[object]) -> Iterator[object]:
    for mark in metadata:
        if isinstance(mark, GroupedMetadata):
            yield from _flat(mark)
        else:
            yield mark


def _bounds(marks: Sequence[object]) -> str:
    low = next((mark for mark in marks if isinstance(mark, Ge | Gt)), None)
    high = next((mark for mark in marks if isinstance(mark, Le | Lt)), None)
    if isinstance(low, Ge) and isinstance(high, Le):
        return f" from {low.ge} to {high.le}"
    words = []
    if low is not None:
        words.append(f"of at least {low.ge}" if isinstance(low, Ge) else f"over {low.gt}")
    if high is not None:
        words.append(f"at most {high.le}" if isinstance(high, Le) else f"under {high.lt}")
    if any(isinstance(mark, MinLen) and mark.min_length == 1 for mark in marks):
        words.append("that is not empty")
    words += [f"of at least {mark.min_length}" for mark in marks if isinstance(mark, MinLen) and mark.min_length > 1]
    words += [f"of at most {mark.max_length}" for mark in marks if isinstance(mark, MaxLen)]
    return " " + " and ".join(words) if words else ""
