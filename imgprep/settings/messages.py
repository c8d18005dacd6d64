"""Pydantic's errors in our words."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from imgprep.settings.problems import Keys, Problem, SpecError, shown, suggestion, unknown
from imgprep.settings.type_descriptions import choices, expectation

Fields = Mapping[str, Any]
"""The keys that a mapping may have, each with the type of its value, constraints in ``Annotated``."""
_MISSING: Final = object()
_UNKNOWN: Final = {"extra_forbidden", "unexpected_keyword_argument"}
_OLD_BOOLEANS: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def problems_of(fields: Fields, error: ValidationError, data: object) -> list[Problem]:
    """Converts the errors of pydantic, once for each field.

    Args:
        fields: the type of each key that may be given.
        error: what pydantic said.
        data: what it was given.
    """
    found: dict[Problem, None] = {}
    for item in error.errors(include_url=False):
        found.update(dict.fromkeys(_problems(fields, item, data)))
    return list(found)


def model_fields(model: type[BaseModel]) -> Fields:
    """The type of each key of a section."""
    return {
        field.alias or name: Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        for name, field in model.model_fields.items()
    }


def _problems(fields: Fields, item: Any, data: object) -> Iterator[Problem]:
    location: Keys = item["loc"]
    owner, depth = _owner(fields, location)
    keys = location[: depth + 1]
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, SpecError):
        yield from (problem.under(location) for problem in cause.problems)
    elif isinstance(cause, ValueError):
        yield Problem(keys, str(cause))
    elif item["type"] in _UNKNOWN and len(location) == depth + 1:
        yield Problem(keys, unknown("key", location[-1], list(owner)))
    else:
        text = _refusal(owner.get(str(keys[-1])) if len(keys) > depth else None, _value(data, keys))
        if "size" in str(keys[-1:]):
            text = text.replace("[low, high]", "[height, width]")
        yield Problem(keys, text)


def _refusal(hint: Any, value: object) -> str:
    if hint is None:
        return f"expected a mapping of keys, not {shown(value)}"
    expected = expectation(hint)
    if value is _MISSING:
        return f"is missing; give {expected}"
    remedy = _remedy(expected, value) or (suggestion(value, choices(hint)) if isinstance(value, str) else "")
    return f"expected {expected}, not {shown(value)}" + (f"; {remedy}" if remedy else "")


def _remedy(expected: str, value: object) -> str:
    """Suggests the value that YAML 1.1 or a hurried author would have meant."""
    if expected == "true or false" and str(value).casefold() in _OLD_BOOLEANS:
        return f"write {_OLD_BOOLEANS[str(value).casefold()]}"
    if expected.startswith("text") and isinstance(value, bool | int | float):
        return "put it in quotes"
    return ""


def _owner(fields: Fields, location: Keys) -> tuple[Fields, int]:
    """The fields of the section in which something is wrong, and how many keys lead to it."""
    owner, depth = fields, 0
    for position, key in enumerate(location):
        inner = _model(owner.get(str(key)))
        if not inner or position + 1 == len(location):
            break
        owner, depth = model_fields(inner), position + 1
    return owner, depth


def _model(hint: object) -> type[BaseModel] | None:
    """The section that a field holds, alone or with null."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    parts = [part for part in get_args(hint) if part is not type(None)] if _is_union(hint) else [hint]
    only = parts[0] if len(parts) == 1 else None
    return only if isinstance(only, type) and issubclass(only, BaseModel) else None


def _is_union(hint: object) -> bool:
    return get_origin(hint) is Union or type(hint).__name__ == "UnionType"


def _value(data: object, keys: Keys) -> object:
    for key in keys:
        if not isinstance(data, Mapping):
            return _MISSING
        data = data.get(key, _MISSING)
    return data
