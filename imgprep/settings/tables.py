"""The families' tables that parsing looks names up in; `spec.installed` has those of imgprep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgprep.settings.problems import unknown, wrong


def _no_limits(_: Any) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Tables:
    """Every family's table: the name in the spec to the frozen dataclass that has its options; empty by default.

    Attributes:
        sources: layouts.
        steps: for ``convert.steps``.
        transforms: for ``augment.transforms`` and ``augment.mix``.
        stress: for ``augment.stress``.
        rules: audit rules.
        formats: shard formats, each with its ``compressions``.
        engines: names only.
        limits: lists, as ``rotate.degrees: problem``, what of a transform goes over the limits of augmentation.
    """

    sources: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    transforms: Mapping[str, Any] = field(default_factory=dict)
    stress: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    formats: Mapping[str, Any] = field(default_factory=dict)
    engines: Mapping[str, Any] = field(default_factory=dict)
    limits: Callable[[Any], list[str]] = _no_limits


@dataclass(frozen=True, slots=True)
class Context:
    """The context that parsing needs besides the text.

    Attributes:
        base: the folder that relative paths are relative to.
        tables: of the families; none where only objects are given, no names.
    """

    base: Path = Path()
    tables: Tables = field(default_factory=Tables)


def pick(table: Mapping[str, Any], name: object, what: str) -> Any:
    """The entry of a table.

    Raises:
        SpecError: there is none of that name.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise wrong(unknown(what, name, list(table)))
