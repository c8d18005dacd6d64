"""What a run reads: the files and folders that a spec names, where these are all."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

from imgprep.spec.sections import Spec
from imgprep.storage.cache import is_fetched
from imgprep.util.addresses import is_address

_PLAIN = (str, bytes, int, float, bool, date, Enum, type(None))


class UnknownInputError(ValueError):
    """A value of a spec that may read anything: it is no part of imgprep."""


def files_of(spec: Spec) -> list[Path] | None:
    """The files and folders that are read for a spec, beside its output; everything below a folder counts.

    Returns:
        They; None where a source, a rule or another part of the spec may read more than it names, and where something
        comes from an object store, which may have changed.
    """
    if not spec.source.source.reads_named or spec.source.masks is not None:
        return None
    sections = {name: getattr(spec, name) for name in type(spec).model_fields if name != "output"}
    try:
        found = list(dict.fromkeys(_paths(sections)))
    except UnknownInputError:
        return None
    return None if any(is_address(path) or is_fetched(path) for path in found) else found


def _paths(value: Any) -> Iterator[Path]:
    """All paths in a value, and in what it is made of."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _paths(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _paths(item)
    elif not isinstance(value, _PLAIN):
        yield from _paths(_members(value))


def _members(value: Any) -> Mapping[str, Any]:
    """The members of settings.

    Raises:
        UnknownInputError: its class is not one of imgprep's.
    """
    kind = type(value)
    if not kind.__module__.startswith("imgprep."):
        raise UnknownInputError(kind.__module__)
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: getattr(value, name) for name in getattr(kind, "model_fields", ())}
