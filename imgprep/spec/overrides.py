"""``--set convert.size=[64,64]``: values from the command line put into the data of a spec."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from imgprep.settings.fields import CommandLineText
from imgprep.settings.problems import Keys, Problem, SpecError, dotted, shown
from imgprep.spec.reading import read


class Override(NamedTuple):
    """One value of the command line.

    Attributes:
        keys: where it goes.
        value: plain data.
        label: how messages call it.
    """

    keys: Keys
    value: Any
    label: str


def parse(argument: str) -> Override:
    """Reads ``KEY=VALUE``: a dotted key, a YAML value.

    Raises:
        SpecError: there is no key, or the value is not YAML.
    """
    key, equals, value = argument.partition("=")
    parts = tuple(key.strip().split("."))
    label = f"--set {argument}"
    if not equals or not all(parts):
        raise SpecError([Problem((), "expected KEY=VALUE with a dotted key, such as convert.size=[64,64]")])
    document = read(value.encode("utf-8", "surrogateescape"))
    if document.problems:
        raise SpecError(document.problems)
    return Override(parts, _marked(document.data), label)


def _marked(data: Any) -> Any:
    """The same data, its texts known as those of the command line."""
    if isinstance(data, str):
        return CommandLineText(data)
    if isinstance(data, list):
        return [_marked(item) for item in data]
    return {key: _marked(item) for key, item in data.items()} if isinstance(data, dict) else data


def put(data: Any, override: Override) -> tuple[Any, Keys]:
    """Puts a value into plain data, in place; missing parents are made.

    Returns:
        The data, and the keys that lead to what is new in it.

    Raises:
        SpecError: a parent is neither a mapping nor a list, or a list has no such item.
    """
    data = {} if data is None else data
    here: Any = data
    path: list[str | int] = []
    new: Keys = ()
    for part, after in zip(override.keys, (*override.keys[1:], None), strict=True):
        key = _key(here, part, path)
        path.append(key)
        missing = isinstance(here, dict) and here.get(key) is None
        if missing and not new:
            new = tuple(path)
        if after is None:
            here[key] = override.value
        elif missing:
            here[key] = {}
        elif isinstance(here[key], str) and here[key] == after:
            # A step without options, `- clahe`, is about to get some.
            here[key] = {after: {}}
        here = here[key]
    return data, new or tuple(path)


def _key(here: Any, part: str | int, path: list[str | int]) -> str | int:
    if isinstance(here, list):
        if not str(part).isdecimal() or int(part) >= len(here):
            raise SpecError([Problem(tuple(path), f"has {len(here)} items, counted from 0; there is no {shown(part)}")])
        return int(part)
    if not isinstance(here, Mapping):
        raise SpecError([Problem(tuple(path), f"is {shown(here)} and has no keys; set {dotted(tuple(path))} itself")])
    return part
