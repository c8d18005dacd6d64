"""Images in HDF5 files: a group for each class, a hierarchy of groups, or flat arrays."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, NamedTuple, TypeAlias

import h5py
import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from imgprep.archives.files import file_stamp
from imgprep.arrays.chunks import check_chunks
from imgprep.arrays.files import refusing
from imgprep.arrays.hdf5 import (
    checked_dataset,
    is_text,
    locate_dataset,
    open_hdf5,
    read_attribute,
    read_dataset,
    walk,
)
from imgprep.arrays.rows import DatasetRows
from imgprep.errors import SourceError, one_line
from imgprep.sources.array_columns import ReadArray
from imgprep.sources.array_source import ArraySource
from imgprep.sources.arrays import (
    IMAGES,
    LABELS,
    ClassNames,
    Naming,
    array_samples,
    check_images,
    find_pairs,
    read_labels,
)
from imgprep.sources.base import InStores, check_class
from imgprep.sources.directory import hierarchical
from imgprep.sources.split_names import are_splits, split_in_name
from imgprep.sources.splits import Unknown
from imgprep.table.sample import Sample

# Arrays that stand next to the images of a class and are none.
_COMPANIONS: Final = frozenset({"id", "ids", "parent", "checksum", "label", "labels"})


@dataclass(frozen=True, slots=True)
class Hdf5(ArraySource):
    """A group for each class with the attribute ``label`` or ``name`` (else its own name is the class).

    A group holds arrays of one image or of many, or further groups: then the label is the path, ``cats/persian``.
    Flat arrays are read as well: ``image`` and ``label`` (or images and labels, x and y), ``x_train``, ``y_train``,
    ``train/x``, ``train/y`` ... Where all outermost groups are called as splits are, they are splits.

    Attributes:
        path: the file.
        level: in a hierarchy, how many levels make the label: 1 is the outermost group alone; all when omitted.
        class_names: for flat arrays, the names of the classes 0, 1, 2, ...; the numbers when omitted.
    """

    layout: ClassVar[str] = "hdf5"
    unknown_split: ClassVar[Unknown] = "skip"
    reads_named: ClassVar[bool] = True
    in_stores: ClassVar[InStores] = "file"

    path: Path
    level: Annotated[int, Ge(1)] | None = None
    class_names: ClassNames | None = None

    def samples(self) -> Iterator[Sample]:
        """Lists the images; see `Source.samples`. Everything is checked before the first one."""
        with open_hdf5(str(self.path)) as file:
            entries = dict(walk(file))
            flat = find_pairs((name for name, found in entries.items() if _is_flat(name, found)), one_line(self.path))
            if flat:
                parts = [self._flat(entries, *pair, alone=len(flat) == 1) for pair in flat]
            else:
                further = _targets(file)
                entries = {name: found for name, found in entries.items() if name.rpartition("/")[2] not in further}
                parts = [self._by_class(self._labels(entries), entries)]
            for part in parts:
                yield from part

    @contextmanager
    def arrays(self) -> Iterator[ReadArray]:
        """See `ArraySource.arrays`."""
        with open_hdf5(str(self.path)) as file:
            entries = {name: found for name, found in walk(file) if isinstance(found, h5py.Dataset)}
            yield lambda name: read_dataset(entries[name]) if name in entries else None

    @staticmethod
    def open_file(path: Path) -> "_File":
        """See `FileSource.open_file`."""
        return _File(path)

    def declared_classes(self) -> tuple[str, ...]:
        """The labels of all innermost groups, empty ones too."""
        if self.class_names:
            return self.class_names
        with open_hdf5(str(self.path)) as file:
            entries = dict(walk(file))
            if any(_is_flat(name, found) for name, found in entries.items()):
                return ()
            inner = {name.rpartition("/")[0] for name, found in entries.items() if isinstance(found, h5py.Group)}
            splits = _split_groups(entries)
            labels = (
                levels[name.partition("/")[0] in splits :]
                for name, levels in self._labels(entries).items()
                if name not in inner | splits
            )
            return tuple(dict.fromkeys("/".join(levels[: self.level]) for levels in labels))

    def _flat(self, entries: Mapping[str, "Entry"], images: str, labels: str, split: str, *, alone: bool) -> "Samples":
        where, pixels, values = one_line(self.path), entries[images], entries[labels]
        check_images(pixels.shape, pixels.dtype, f"{where}#{images}")
        check_chunks(pixels)
        listed = read_labels(read_dataset(values), pixels.shape[0], f"{where}#{labels}")
        naming = Naming(self.classes(), where)
        naming.of(listed)
        prefix = (f"{self.path.name}#" if alone else f"{self.path.name}#{images}/", f"{images}@")
        return array_samples(listed, naming, prefix, split, file_stamp(self.path))

    def _labels(self, entries: Mapping[str, "Entry"]) -> dict[str, tuple[str, ...]]:
        """The levels of the label of each group, parents first."""
        labels: dict[str, tuple[str, ...]] = {"": ()}
        for name, found in entries.items():
            if isinstance(found, h5py.Group):
                outer, _, own = name.rpartition("/")
                where = f"{one_line(self.path)}#{one_line(name, 80)}"
                labels[name] = (*labels[outer], check_class(_label(found, own, str(self.path)), where))
        return {name: levels for name, levels in labels.items() if levels}

    def _by_class(self, labels: Mapping[str, tuple[str, ...]], entries: Mapping[str, "Entry"]) -> "Samples":
        stamp = file_stamp(self.path)
        nested = any(len(levels) > 1 for levels in labels.values())
        splits = _split_groups(entries)
        stacks = [
            _stack(one_line(self.path), name, found) for name, found in entries.items() if _is_images(name, found)
        ]
        if loose := [stack for stack in stacks if "/" not in stack.name]:
            raise SourceError(
                f"{one_line(self.path)}#{one_line(loose[0].name, 80)}: an array of images outside a group"
            )
        if not stacks:
            raise SourceError(
                f"{one_line(self.path)}: no images: neither arrays image and label nor groups with arrays"
            )
        for stack in stacks:
            levels = labels[stack.name.rpartition("/")[0]]
            split = name if (name := stack.name.partition("/")[0]) in splits and len(levels) > 1 else ""
            levels = levels[1:] if split else levels
            place = hierarchical(levels, self.level if nested else None)
            attributes = place.attributes if nested else {}
            for row in range(stack.rows):
                identity = f"{self.path.name}#{stack.name}" + (f"/{row}" if stack.many else "")
                location = f"{stack.name}@{row}"
                yield Sample(identity, location, place.label, attributes, "", split, place.status, place.reason, stamp)


Entry: TypeAlias = "h5py.Group | h5py.Dataset"
Samples: TypeAlias = Iterator[Sample]


class _Stack(NamedTuple):
    """An array of one image, or of many."""

    name: str
    rows: int
    many: bool


def _split_groups(entries: Mapping[str, Entry]) -> frozenset[str]:
    """The outermost groups, where all of them are splits by their names."""
    outermost = frozenset(name for name, found in entries.items() if isinstance(found, h5py.Group) and "/" not in name)
    return outermost if are_splits(outermost) else frozenset()


def _targets(file: h5py.File) -> frozenset[str]:
    """The arrays of targets in the groups of a shard of imgprep, which are no images."""
    if "targets" not in file.attrs or "imgprep" not in file.attrs:
        return frozenset()
    with refusing(file.filename):
        value = read_attribute(file, "targets")
    try:
        named = json.loads(value)
    except (TypeError, ValueError):
        return frozenset()
    return frozenset(named) if isinstance(named, dict) else frozenset()


def _is_flat(name: str, found: Entry) -> bool:
    """Returns whether it is an array at the top, or in a group that is called as a split is."""
    group, _, own = name.rpartition("/")
    in_split = "/" not in group and split_in_name(group) and own.casefold() in IMAGES | LABELS
    return isinstance(found, h5py.Dataset) and bool(not group or in_split)


def _is_images(name: str, found: Entry) -> bool:
    return isinstance(found, h5py.Dataset) and name.rpartition("/")[2] not in _COMPANIONS and not is_text(found)


def _is_one(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in {1, 3})


def _stack(path: str, name: str, dataset: h5py.Dataset) -> _Stack:
    one = _is_one(dataset.shape)
    check_images((1, *dataset.shape) if one else dataset.shape, dataset.dtype, f"{path}#{one_line(name, 80)}")
    check_chunks(dataset)
    return _Stack(name, 1 if one else dataset.shape[0], not one)


def _label(group: h5py.Group, own: str, path: str) -> str:
    """The class that a group stands for: its attribute ``label``, else ``name``, else its own name."""
    with refusing(path):
        for key in ("label", "name"):
            if key in group.attrs:
                value = read_attribute(group, key)
                if isinstance(value, bytes):
                    value = value.decode()
                if not isinstance(value, str | int | np.integer) or isinstance(value, bool):
                    raise SourceError(f"{one_line(path)}#{one_line(group.name, 80)}: its {key} is no text")
                return str(value)
    return own


class _File:
    """An open file and how to read the rows of its arrays: from a block of rows when they are compressed."""

    def __init__(self, path: Path) -> None:
        self._file = open_hdf5(str(path))
        self._rows: dict[str, DatasetRows | NDArray[Any]] = {}

    def rows(self, name: str) -> DatasetRows | NDArray[Any]:
        if name not in self._rows:
            dataset = checked_dataset(self._file, name)
            plain = locate_dataset(dataset)
            if _is_one(dataset.shape):
                self._rows[name] = (read_dataset(dataset) if plain is None else plain.map())[np.newaxis]
            else:
                self._rows[name] = DatasetRows(dataset) if plain is None else plain.map()
            self._forget()
        return self._rows[name]

    def _forget(self) -> None:
        while len(self._rows) > 64:
            del self._rows[next(iter(self._rows))]

    def close(self) -> None:
        self._rows.clear()
        self._file.close()
