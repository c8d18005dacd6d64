"""From the spec file and the command line to a `Spec`, or to everything that is wrong with them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from imgprep.errors import RequestError, ResourceError, check_surroundings, one_line
from imgprep.settings.messages import model_fields, problems_of
from imgprep.settings.problems import Keys, Problem, SpecError, dotted
from imgprep.settings.tables import Context, Tables
from imgprep.spec import overrides as command_line
from imgprep.spec.installed import INSTALLED
from imgprep.spec.overrides import Override
from imgprep.spec.reading import MAX_BYTES, read
from imgprep.spec.sections import Spec, spec_type
from imgprep.stages import STAGES
from imgprep.util.addresses import absolute, check_local, without_secrets

_MESSAGE: Final = 400
_COLLECTIONS: Final = frozenset((".csv", ".tsv", ".h5", ".hdf5", ".npz", ".parquet", ".zip", ".tar", ".tgz", ".gz"))
"""Suffixes of what people give in place of a spec: the collection itself."""


class Place(NamedTuple):
    """The place where a value was given.

    Attributes:
        order: lines of the file come first, in order; then the command line.
        label: ``fruits.yaml:14``, or ``--set convert.size=1``.
    """

    order: int
    label: str


@dataclass(frozen=True)
class LoadedSpec:
    """A spec, and where its values were given.

    Attributes:
        spec: the parsed spec.
        file: the file it was read from, as it was named; '' for a mapping.
        places: of every key and list item.
    """

    spec: Spec
    file: str
    places: Mapping[Keys, Place] = field(repr=False)

    def where(self, *keys: str | int) -> str:
        """The file and line, or the option, that gave a value; for a default those of the section it belongs to."""
        return _place(self.places, keys).label

    def line(self, *keys: str | int) -> int:
        """The line of a value in the file; 1 for what the command line gave."""
        order = _place(self.places, keys).order
        return order if 0 < order < _COMMAND_LINE else 1

    def error(self, text: str, *keys: str | int) -> RequestError:
        """An error about a value, to be raised."""
        return RequestError(_message(self.places, Problem(keys, text)))


_COMMAND_LINE: Final = 1 << 40


def load_spec(
    path: Path,
    overrides: Sequence[str] = (),
    output: Path | None = None,
    seed: int | None = None,
    workers: int | None = None,
    *,
    tables: Tables = INSTALLED,
) -> LoadedSpec:
    """Reads a spec file.

    Args:
        path: the file; YAML or JSON. Relative paths in it are relative to its folder.
        overrides: ``KEY=VALUE`` of ``--set``, in order; paths in them too are relative to the file's folder, those of
            what is read to the working directory when there is nothing else of that name.
        output: of ``--output``, relative to the working directory.
        seed: of ``--seed``.
        workers: of ``--workers``.
        tables: of the families.

    Raises:
        RequestError: one line for each thing that is wrong, in the order of the file.
        ResourceError: the file cannot be read.
    """
    name = one_line(os.fspath(path))
    document = _read(path, name)
    draft = _Draft(document.data, {keys: Place(at, f"{name}:{at}") for keys, at in document.lines.items()}, name)
    draft.refuse(document.problems)
    draft.override(overrides)
    draft.options({"output": output and absolute(output), "seed": seed}, {"workers": workers})
    if isinstance(draft.data, dict):
        draft.data.setdefault("name", path.stem or "dataset")
    return draft.finish(Context(path.parent, tables))


def spec_from_mapping(data: Mapping[str, Any], base: Path | None = None, *, tables: Tables = INSTALLED) -> LoadedSpec:
    """Makes a spec from plain data, without a file.

    Args:
        data: the sections, as the YAML has them.
        base: what relative paths are relative to; the working directory by default.
        tables: of the families.

    Raises:
        RequestError: one line for each thing that is wrong.
    """
    return _Draft(dict(data), {(): Place(0, "spec")}, "").finish(Context(base or Path(), tables))


def _read(path: Path, name: str) -> Any:
    check_local(path, "a spec is a file on disk")
    try:
        with open(path, "rb", opener=_at_once) as file:
            raw = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise RequestError(f"{name}: there is no such file; `imgprep init` writes a starter spec") from None
    except IsADirectoryError:
        raise RequestError(f"{name}: is a folder, not a spec; write one for its images: imgprep init {name}") from None
    except ValueError:
        raise RequestError(f"{name}: is not a spec file; give the path of a YAML file") from None
    except OSError as error:
        check_surroundings(error, name)
        raise ResourceError(f"{name}: cannot be read: {error.strerror}") from error
    if path.suffix.casefold() in _COLLECTIONS:
        raise RequestError(f"{name}: is no spec; write one for the images that it holds or lists: imgprep init {name}")
    try:
        return read(raw)
    except SpecError as problems:
        lines = (f"{name}:{problem.line}" if problem.line else name for problem in problems.problems)
        texts = (f"{line}: {problem.text}" for line, problem in zip(lines, problems.problems, strict=True))
        raise RequestError("\n".join(texts)) from None


def _at_once(path: str, flags: int) -> int:
    """Opens a file; a pipe without a writer is empty, not waited for."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(descriptor, True)
    return descriptor


class _Draft:
    """Plain data on its way to a spec, with what was found wrong so far."""

    def __init__(self, data: Any, places: dict[Keys, Place], file: str) -> None:
        self.data = data
        self.places = places
        self.file = file
        self.found: list[tuple[int, str]] = []
        self.refused: set[Keys] = set()

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Takes note of what is wrong in the file."""
        # What a value with a tag, or given twice, seems to be is no second problem.
        new = [problem for problem in problems if problem.keys not in self.refused]
        self.refused.update(problem.keys for problem in new)
        for problem in new:
            place = Place(problem.line, f"{self.file}:{problem.line}") if problem.line else None
            self._note(place or _place(self.places, problem.keys), problem)

    def override(self, arguments: Sequence[str]) -> None:
        """Puts in what ``--set`` gave."""
        for argument in arguments:
            place = Place(_COMMAND_LINE, f"--set {one_line(without_secrets(argument))}")
            try:
                self._put(command_line.parse(argument), place)
            except SpecError as problems:
                for problem in problems.problems:
                    self._note(place, problem)

    def options(self, top: Mapping[str, Any], execution: Mapping[str, Any]) -> None:
        """Puts in what options of their own gave; None is not given."""
        for parents, values in (((), top), (("execution",), execution)):
            for name, value in values.items():
                if value is not None:
                    self._put(Override((*parents, name), value, f"--{name}"), Place(_COMMAND_LINE, f"--{name}"))

    def finish(self, context: Context) -> LoadedSpec:
        """Makes the spec.

        Raises:
            RequestError: all that is wrong.
        """
        spec, type_ = None, spec_type(tuple(STAGES.values()))
        if self.data is None:
            self.refuse([Problem((), "is empty; a spec needs at least source and output")])
        else:
            try:
                spec = type_.model_validate(self.data, context=context)
            except ValidationError as error:
                self.refuse(problems_of(model_fields(type_), error, self.data))
        if spec is None or self.found:
            ordered = sorted(dict.fromkeys(self.found), key=lambda entry: entry[0])
            raise RequestError("\n".join(text for _, text in ordered))
        return LoadedSpec(spec, self.file, self.places)

    def _put(self, override: Override, place: Place) -> None:
        self.data, new = command_line.put(self.data, override)
        path = tuple(override.keys)
        for keys in [keys for keys in self.places if keys[: len(new)] == new]:
            del self.places[keys]
        self.places.update({path[: length + 1]: place for length in range(len(new) - 1, len(path))})
        self.places[new] = place

    def _note(self, place: Place, problem: Problem) -> None:
        self.found.append((place.order, f"{place.label}: {_said(problem)}"))


def _place(places: Mapping[Keys, Place], keys: Keys) -> Place:
    for length in range(len(keys), -1, -1):
        if keys[:length] in places:
            return places[keys[:length]]
    return Place(1, "spec")


def _message(places: Mapping[Keys, Place], problem: Problem) -> str:
    return f"{_place(places, problem.keys).label}: {_said(problem)}"


def _said(problem: Problem) -> str:
    keys = one_line(dotted(problem.keys), 120)
    return one_line(f"{keys}: {problem.text}" if keys else problem.text, _MESSAGE)
