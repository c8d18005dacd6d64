"""The settings of a spec as dotted keys, each with the values that it may have where these can be counted."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from imgprep.spec.schema import json_schema

_CHOICES: Final = ("anyOf", "oneOf")
_YAML: Final = {True: "true", False: "false", None: "null"}


class SettingKey(NamedTuple):
    """A key that ``--set`` takes.

    Attributes:
        key: dotted.
        about: the setting in one line; may be empty.
        values: as they are written in YAML, as far as they can be counted.
        complete: whether it may have no other value.
    """

    key: str
    about: str
    values: tuple[str, ...]
    complete: bool


def setting_keys(schema: Mapping[str, Any] | None = None) -> tuple[SettingKey, ...]:
    """All keys of a spec in its order; those inside of lists have no dotted key.

    Args:
        schema: the JSON Schema of the spec; made anew where it is left out.
    """
    whole = json_schema() if schema is None else schema
    found: dict[str, SettingKey] = {}
    for key, inner in _walk(whole, whole, ()):
        dotted = ".".join(key)
        literals = [_literals(option) for option in _options(inner, whole)]
        values = [value for each in literals for value in each]
        complete = all(literals)
        if dotted in found:  # another layout has a key of that name
            values[:0] = found[dotted].values
            complete = complete and found[dotted].complete
        found[dotted] = SettingKey(dotted, str(inner.get("description", "")), tuple(dict.fromkeys(values)), complete)
    return tuple(found.values())


def _walk(schema: Any, whole: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The keys of objects, however deep; an object that has keys of its own is no key itself."""
    for option in _options(schema, whole):
        for name, inner in option.get("properties", {}).items():
            key = (*above, name)
            below = list(_walk(inner, whole, key))
            yield from below
            if not below or _takes_more(inner, whole):
                yield key, inner


def _takes_more(schema: Any, whole: Any) -> bool:
    """Tells whether a value may be something else than an object or nothing."""
    return any(
        "properties" not in option and option.get("type") not in {"null", "object"}
        for option in _options(schema, whole)
    )


def _options(schema: Any, whole: Any) -> Iterator[Any]:
    """The alternatives of a schema, references followed; items of lists are not among them."""
    if "$ref" in schema:
        target = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from _options(target, whole)
        return
    inner = [option for name in _CHOICES for option in schema.get(name, ())]
    for option in inner:
        yield from _options(option, whole)
    if not inner:
        yield schema


def _literals(schema: Any) -> list[str]:
    """The values that a schema without choices counts up."""
    literals = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if schema.get("type") == "boolean":
        literals = [True, False]
    elif schema.get("type") == "null":
        literals = [None]
    return [_YAML[each] if each is None or isinstance(each, bool) else str(each) for each in literals]
