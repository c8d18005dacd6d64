"""Tables of keys from the JSON Schema of the spec: the one that `imgprep schema` prints."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from docs.generate.page import code, sentence, table
from imgprep.spec.schema import json_schema

Schema = Mapping[str, Any]
HEAD: Final = ("key", "value", "default", "meaning")
TABLES: Final = {
    "sources": "a layout",
    "steps": "a step",
    "transforms": "a transform",
    "stress": "a stress test",
    "rules": "settings of rules",
    "waiver": "a waiver",
}
"""Definitions that have pages of their own, in words."""
SIZE: Final = "a size such as `64 MiB`"
_WORDS: Final = {"boolean": "`true` or `false`", "integer": "whole number", "number": "number", "string": "text"}


@cache
def schema() -> Schema:
    """The whole schema."""
    return json_schema()


def definition(reference: str) -> Schema:
    """The schema that a reference such as ``#/$defs/steps`` names."""
    found: Schema = schema()["$defs"][reference.removeprefix("#/$defs/")]
    return found


def options(properties: Mapping[str, Schema], required: tuple[str, ...] = ()) -> str:
    """A table of keys with their values, defaults and meanings."""
    return table(HEAD, (_row(key, inner, key in required) for key, inner in properties.items()))


def _row(key: str, inner: Schema, needed: bool) -> tuple[str, str, str, str]:
    said = value(inner)
    default = "required" if needed else _default(inner["default"], said) if "default" in inner else ""
    meaning = inner.get("description", "")
    first = re.split(r"[ ;,]", meaning)[0]
    if f"`{first}`" in said:  # the name of a value begins the sentence
        return f"`{key}`", said, default, f"`{first}`{sentence('x' + meaning[len(first) :])[1:]}"
    return f"`{key}`", said, default, sentence(meaning)


def _default(given: Any, said: str) -> str:
    sizes = said.startswith(SIZE) and isinstance(given, int)
    return code(f"{given // 2**20} MiB" if sizes else given)


def value(inner: Schema) -> str:
    """What a key may hold, in words."""
    if "$ref" in inner:
        name = inner["$ref"].removeprefix("#/$defs/")
        return TABLES.get(name) or value(definition(inner["$ref"]))
    if "anyOf" in inner or "oneOf" in inner:
        return _either(inner.get("anyOf") or inner["oneOf"])
    if "const" in inner:
        return code(inner["const"])
    if "enum" in inner:
        return ", ".join(code(name) for name in inner["enum"])
    return _of_type(inner)


def _either(forms: list[Schema]) -> str:
    said = list(dict.fromkeys(value(form) for form in forms))
    if any(SIZE in form for form in said):  # a size may also be given in bytes
        said = [SIZE, *(form for form in said if SIZE not in form and "whole number" not in form)]
    return " or ".join(said)


def _of_type(inner: Schema) -> str:
    kind = inner.get("type")
    if isinstance(kind, list):
        return _either([{**inner, "type": each} for each in kind])
    if kind == "null":
        return "`null`"
    if kind == "array":
        return _array(inner)
    if kind == "object":
        keys = ", ".join(f"`{key}`" for key in inner.get("properties", ()))
        return f"a mapping with {keys}" if keys else "a mapping"
    if "[kKmMgGtT]" in inner.get("pattern", ""):
        return SIZE
    return " ".join([_WORDS.get(str(kind), "anything"), *_bounds(inner)])


def _array(inner: Schema) -> str:
    length = inner.get("minItems")
    items = inner.get("items")
    parts = inner.get("prefixItems") or (
        [items] * length if items and length and length == inner.get("maxItems") else []
    )
    if not parts:
        return f"a list: {value(items)}" if items else "a list"
    said = [value(part) for part in parts]
    kind = next((word for word in _WORDS.values() if said[0].startswith(word)), "")
    if kind and all(each == said[0] for each in said):
        bounds = said[0].removeprefix(kind)
        return f"[{', '.join([kind] * len(parts))}]" + (f", each{bounds}" if bounds else "")
    return f"[{', '.join(said)}]"


def _bounds(inner: Schema) -> Iterator[str]:
    low, high = inner.get("minimum"), inner.get("maximum")
    if low is not None and high is not None:
        yield f"{low:g} to {high:g}"
        return
    for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
        if key in inner and abs(inner[key]) < 2**53:
            yield f"{sign} {inner[key]:g}"


def named(place: str) -> dict[str, Schema]:
    """Name -> schema of the options of each step, transform or stress test; an empty mapping where there are none."""
    found: dict[str, Schema] = {}
    for form in schema()["$defs"][place]["anyOf"]:
        for name, inner in form.get("properties", {}).items():
            forms = inner.get("anyOf", [inner])
            found[name] = next(each for each in forms if each.get("type") == "object")
    return found
