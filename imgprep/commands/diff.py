"""diff: what differs between two datasets, two outputs or two specs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imgprep.commands.stored_dataset import on_disk
from imgprep.dataset.diff import Change, Difference, Side, compare, differing, flat, index_settings, read_side
from imgprep.dataset.manifest import INDEX, Manifest, no_dataset, read_manifest
from imgprep.errors import RequestError, one_line
from imgprep.spec.loading import load_spec

_STAGES: Final = ("convert", "pack", "augment", "split")
"""In which the images of an output are looked for: convert has their pixels before any normalisation."""
_ELSEWHERE: Final = frozenset({"output", "execution"})
"""Sections of a spec that never change the result."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome.

    Attributes:
        names: of the two, as they were given.
        difference: between them.
        sides: the datasets; None where only specs were compared.
        note: what could not be compared; '' when all was.
    """

    names: tuple[str, str]
    difference: Difference
    sides: tuple[Side, Side] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Given:
    """The dataset, output or spec at a path.

    Attributes:
        stages: folders of finished stages by name; the one dataset itself under ''.
        settings: of the spec, flat; None for a dataset.
    """

    stages: dict[str, Path]
    settings: dict[str, str] | None = None


def diff(first: Path, second: Path) -> Compared:
    """Compares two datasets, two outputs or two specs.

    Args:
        first: the folder of a stage, an output folder, or a spec, whose output is compared if it is there.
        second: of the same kind.

    Raises:
        RequestError: there is no dataset, or the two are not of one kind.
    """
    names = one_line(first), one_line(second)
    with on_disk(first) as left, on_disk(second) as right:
        return _compared(_given(left), _given(right), names)


def _compared(a: "_Given", b: "_Given", names: tuple[str, str]) -> Compared:
    if (a.settings is None) != (b.settings is None):
        raise RequestError(f"{names[0]} and {names[1]}: one is a spec and one a dataset; give two of a kind")
    settings = None if a.settings is None or b.settings is None else list(differing(a.settings, b.settings))
    stage = next((name for name in ("", *_STAGES) if name in a.stages and name in b.stages), None)
    if stage is None:
        if settings is None:
            raise RequestError(f"{names[0]} and {names[1]}: have no finished stage in common")
        missing = " and ".join(name for name, given in zip(names, (a, b), strict=True) if not given.stages)
        note = f"images were not compared: nothing was made of {missing} yet" if missing else ""
        return Compared(names, Difference(settings=tuple(settings)), note=note)
    if settings is None:
        settings = list(_index_settings(a.stages, b.stages, stage))
    left, right = (_side(given.stages, stage, {*a.stages} & {*b.stages}) for given in (a, b))
    found = compare(left, right, settings)
    note = "" if found.compared else "pixels were not compared: the images have another size, type or colour"
    return Compared(names, found, (left, right), note)


def _given(path: Path) -> _Given:
    if path.is_file():
        if path.name == INDEX:
            return _given(path.parent)
        spec = load_spec(path).spec
        members = {name: value for name, value in _sections(spec).items() if name not in _ELSEWHERE}
        return _Given(_stages(spec.output), flat(members))
    if (path / INDEX).is_file():
        return _Given({"": path})
    stages = _stages(path)
    if not stages:
        raise no_dataset(path)
    return _Given(stages)


def _sections(spec: Any) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in type(spec).model_fields}


def _stages(output: Path) -> dict[str, Path]:
    return {name: output / name for name in _STAGES if (output / name / INDEX).is_file()}


def _index_settings(a: dict[str, Path], b: dict[str, Path], stage: str) -> Iterator[Change]:
    """The settings that the indexes of all common stages record and that differ, each once."""
    seen = set()
    for name in (stage, *(name for name in _STAGES if name in a and name in b and name != stage)):
        for change in index_settings(read_manifest(a[name]), read_manifest(b[name])):
            if change not in seen:
                seen.add(change)
                yield change if name == stage else change._replace(id=f"{name}.{change.id}")


def _side(stages: dict[str, Path], stage: str, common: set[str]) -> Side:
    folder = stages[stage]
    manifest: Manifest = read_manifest(folder)
    splits = stages["split"] if stage == "convert" and "split" in common else None
    return read_side(folder, manifest, splits)


def setting_lines(change: Change) -> str:
    """A setting that differs, as text."""
    return f"{change.before or 'not given'} -> {change.after or 'not given'}"
