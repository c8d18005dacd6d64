"""Frozen objects back to plain data: what `binding` reads, it reads to an equal object."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgprep.settings.binding import keys_of


def plain_entry(entry: Any) -> str | dict[str, Any]:
    """A step or a transform as a spec has it: its name, or its name with every option; see `binding.parse_entry`."""
    options = _options(entry)
    return {entry.name: options} if options else str(entry.name)


def plain(value: Any) -> Any:
    """A value of an option as JSON and YAML have it: lists for tuples, text for paths, a mapping for an object."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _options(value)
    return str(value) if isinstance(value, Path) else value


def _options(made: Any) -> dict[str, Any]:
    """Every option of a frozen dataclass, by its key in the spec; entries in it have their names."""
    nested: tuple[str, ...] = getattr(type(made), "nested", ())
    return {
        key: [plain_entry(entry) for entry in getattr(made, name)] if name in nested else plain(getattr(made, name))
        for name, key in keys_of(type(made)).items()
    }
