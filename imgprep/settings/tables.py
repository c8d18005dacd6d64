"""The families' tables, looked up when they are first needed: parsing a source section loads no transform."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from imgprep.settings.problems import unknown, wrong
from imgprep.util.lazy_table import LazyTable, imported


def _table(path: str) -> Any:
    return field(default_factory=lambda: LazyTable[Any](path))


def _limit_problems(transform: Any) -> list[str]:
    problems: list[str] = imported("imgprep.transforms.limits:limit_problems")(transform)
    return problems


@dataclass(frozen=True, slots=True)
class Tables:
    """Every family's table: the name in the spec to the frozen dataclass that has its options.

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

    sources: Mapping[str, Any] = _table("imgprep.sources:SOURCES")
    steps: Mapping[str, Any] = _table("imgprep.transforms:STEPS")
    transforms: Mapping[str, Any] = _table("imgprep.transforms:TRANSFORMS")
    stress: Mapping[str, Any] = _table("imgprep.transforms:STRESS")
    rules: Mapping[str, Any] = _table("imgprep.checks.rules:RULES")
    formats: Mapping[str, Any] = _table("imgprep.shards:FORMATS")
    engines: Mapping[str, Any] = _table("imgprep.engines:ENGINES")
    limits: Callable[[Any], list[str]] = _limit_problems


INSTALLED: Final = Tables()


@dataclass(frozen=True, slots=True)
class Context:
    """The context that parsing needs besides the text.

    Attributes:
        base: the folder that relative paths are relative to.
        tables: of the families.
    """

    base: Path = Path()
    tables: Tables = INSTALLED


def pick(table: Mapping[str, Any], name: object, what: str) -> Any:
    """The entry of a table.

    Raises:
        SpecError: there is none of that name.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise wrong(unknown(what, name, list(table)))
