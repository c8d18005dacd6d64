"""Pydantic's errors in our words."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from imgprep.settings.problems import Keys, Problem, SpecError, shown, suggestion, unknown
from imgprep.settings.type_descriptions import choices, expectation

_MISSING: Final = object()
_OLD_BOOLEANS: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def problems_of(model: type[BaseModel], error: ValidationError, data: object) -> list[Problem]:
    """Tells what pydantic found, once for each field.

    Args:
        model: the model that refused.
        error: what it said.
        data: what it was given.
    """
    found: dict[Problem, None] = {}
    for item in error.errors(include_url=False):
        found.update(dict.fromkeys(_problems(model, item, data)))
    return list(found)


def _problems(model: type[BaseModel], item: Any, data: object) -> Iterator[Problem]:
    location: Keys = item["loc"]
    owner, depth = _owner(model, location)
    keys = location[: depth + 1]
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, SpecError):
        yield from (problem.under(location) for problem in cause.problems)
    elif isinstance(cause, ValueError):
        yield Problem(keys, str(cause))
    elif item["type"] == "extra_forbidden" and len(location) == depth + 1:
        yield Problem(keys, unknown("key", location[-1], [_key(*named) for named in owner.model_fields.items()]))
    else:
        text = _refusal(_field(owner, keys[-1]) if len(keys) > depth else None, _value(data, keys))
        if "size" in str(keys[-1:]):
            text = text.replace("[low, high]", "[height, width]")
        yield Problem(keys, text)


def _refusal(field: FieldInfo | None, value: object) -> str:
    if field is None:
        return f"expected a mapping of keys, not {shown(value)}"
    expected = expectation(field.annotation, field.metadata)
    if value is _MISSING:
        return f"is missing; give {expected}"
    hint = _hint(expected, value) or (suggestion(value, choices(field.annotation)) if isinstance(value, str) else "")
    return f"expected {expected}, not {shown(value)}" + (f"; {hint}" if hint else "")


def _hint(expected: str, value: object) -> str:
    """Suggests the value that YAML 1.1 or a hurried author would have meant."""
    if expected == "true or false" and str(value).casefold() in _OLD_BOOLEANS:
        return f"write {_OLD_BOOLEANS[str(value).casefold()]}"
    if expected.startswith("text") and isinstance(value, bool | int | float):
        return "put it in quotes"
    return ""


def _owner(model: type[BaseModel], location: Keys) -> tuple[type[BaseModel], int]:
    """The model whose field is wrong, and how many keys lead to it."""
    owner, depth = model, 0
    for position, key in enumerate(location):
        field = _field(owner, key)
        inner = field and _model(field.annotation)
        if not inner or position + 1 == len(location):
            break
        owner, depth = inner, position + 1
    return owner, depth


def _model(hint: object) -> type[BaseModel] | None:
    """The section that a field holds, alone or with null."""
    parts = [part for part in get_args(hint) if part is not type(None)] if _is_union(hint) else [hint]
    only = parts[0] if len(parts) == 1 else None
    return only if isinstance(only, type) and issubclass(only, BaseModel) else None


def _is_union(hint: object) -> bool:
    return get_origin(hint) is Union or type(hint).__name__ == "UnionType"


def _field(model: type[BaseModel], key: str | int) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if _key(name, field) == key), None)


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _value(data: object, keys: Keys) -> object:
    for key in keys:
        if not isinstance(data, Mapping):
            return _MISSING
        data = data.get(key, _MISSING)
    return data
