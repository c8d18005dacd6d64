"""Compares two finished datasets, image by image, in columns."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import Manifest
from imgprep.dataset.records import SampleRecord, read_records, refusing
from imgprep.dataset.shards import shards_of
from imgprep.dataset.targets import definitions

NOWHERE: Final = -1
_IDENTITY: Final = (
    "stage",
    "versions",
    "shards",
    "files",
    "fingerprint",
    "counts",
    "samples",
    "class_weights",
    "decisions",
)
"""Members of the index that follow from others, or say how it was made."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two datasets.

    Attributes:
        folder: of the stage.
        manifest: its index.
        numbers: id of a usable image -> its number.
        names: labels and splits by their codes.
        label: (N,) the code of the label of each image.
        split: (N,) the code of its split.
        source: (N,) SHA-256 of its source bytes, as 32 bytes; empty where it is not known.
        checksum: (N,) of its pixels; `NOWHERE` where there are none.
        place: (N, 2) shard and row; `NOWHERE` where it is in none.
        targets: (N,) the code, among the names, of all targets of each image as JSON.
    """

    folder: Path
    manifest: Manifest
    numbers: Mapping[str, int]
    names: Sequence[str]
    label: NDArray[np.int32]
    split: NDArray[np.int32]
    source: NDArray[np.bytes_]
    checksum: NDArray[np.int64]
    place: NDArray[np.int32]
    targets: NDArray[np.int32]

    def counts(self) -> Counter[str]:
        """Images of each class."""
        codes, counts = np.unique(self.label, return_counts=True)
        return Counter({self.names[code]: int(count) for code, count in zip(codes, counts, strict=True)})


class Change(NamedTuple):
    """An image that both have, with a value that differs."""

    id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The outcome of a comparison; empty lists where the two agree.

    Attributes:
        added: ids of images that only the second has.
        removed: ids of images that only the first has.
        renamed: images with the same source bytes under another id.
        relabelled: images whose class differs.
        moved: images whose split differs.
        targets: images whose targets differ, as JSON.
        pixels: ids of images whose pixels differ; not looked at where shape or dtype differ, see `compared`.
        settings: settings that differ, by their dotted key.
        classes: class -> images of the first and of the second.
        compared: whether pixels could be compared.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[Change, ...] = ()
    relabelled: tuple[Change, ...] = ()
    moved: tuple[Change, ...] = ()
    targets: tuple[Change, ...] = ()
    pixels: tuple[str, ...] = ()
    settings: tuple[Change, ...] = ()
    classes: Mapping[str, tuple[int, int]] | None = None
    compared: bool = True

    @property
    def same(self) -> bool:
        """True if nothing differs."""
        images = self.added, self.removed, self.renamed, self.relabelled, self.moved, self.targets, self.pixels
        return not (any(images) or self.settings)


def _digest(folder: Path, record: SampleRecord) -> bytes:
    with refusing(folder):
        return bytes.fromhex(record.sha256 or "")


def read_side(folder: Path, manifest: Manifest, splits: Path | None = None) -> Side:
    """Reads a dataset for a comparison.

    Args:
        folder: of a finished stage.
        manifest: its index.
        splits: the folder of a split stage, whose splits are taken; None for those of the stage itself.

    Raises:
        RequestError: it cannot be read.
    """
    codes: dict[str, int] = {"": 0}
    numbers: dict[str, int] = {}
    label, split, source, targets = list[int](), list[int](), list[bytes](), list[int]()
    for record in read_records(folder):
        if record.status == "ok":
            numbers[record.id] = len(label)
            label.append(codes.setdefault(record.label or "", len(codes)))
            split.append(codes.setdefault(record.split or "", len(codes)))
            source.append(b"" if record.parent else _digest(folder, record))
            answers = json.dumps(record.targets, ensure_ascii=False) if record.targets else ""
            targets.append(codes.setdefault(answers, len(codes)))
    if splits is not None:
        for record in read_records(splits):
            if record.id in numbers:
                split[numbers[record.id]] = codes.setdefault(record.split or "", len(codes))
    checksum, place = _rows(folder, manifest, numbers)
    return Side(
        folder,
        manifest,
        numbers,
        list(codes),
        np.array(label, np.int32),
        np.array(split, np.int32),
        np.array(source, "S32"),
        checksum,
        place,
        np.array(targets, np.int32),
    )


def _rows(folder: Path, manifest: Manifest, numbers: Mapping[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The checksum and place of each image, from the shards."""
    checksum = np.full(len(numbers), NOWHERE, np.int64)
    place = np.full((len(numbers), 2), NOWHERE, np.int32)
    if manifest.rows is None:
        return checksum, place
    with shards_of(folder, manifest).opened(1) as shards:
        for shard in range(len(shards)):
            sums = np.asarray(shards[shard].rows("checksum")[:])
            found = [numbers.get(id_, NOWHERE) for id_ in shards.texts(shard, "id")]
            known = np.array(found, np.int64)
            rows = np.flatnonzero(known >= 0)
            checksum[known[rows]] = sums[rows]
            place[known[rows], 0], place[known[rows], 1] = shard, rows
    return checksum, place


def compare(a: Side, b: Side, settings: Sequence[Change] = ()) -> Difference:
    """Compares two datasets.

    Args:
        a: the first.
        b: the second.
        settings: that differ.
    """
    common = [id_ for id_ in a.numbers if id_ in b.numbers]
    renamed = list(_renamed(a, b))
    gone, come = {change.before for change in renamed}, {change.after for change in renamed}
    alike = a.manifest.image == b.manifest.image and a.manifest.rows == b.manifest.rows
    compared = alike and a.manifest.checksum == b.manifest.checksum
    counts = a.counts(), b.counts()
    return Difference(
        added=tuple(id_ for id_ in b.numbers if id_ not in a.numbers and id_ not in come),
        removed=tuple(id_ for id_ in a.numbers if id_ not in b.numbers and id_ not in gone),
        renamed=tuple(renamed),
        relabelled=tuple(_changed(common, a, b, "label")),
        moved=tuple(_changed(common, a, b, "split")),
        targets=tuple(_changed(common, a, b, "targets")),
        pixels=tuple(_repainted(common, a, b)) if compared else (),
        settings=tuple(settings),
        classes={name: (counts[0][name], counts[1][name]) for name in sorted({*counts[0], *counts[1]})},
        compared=compared,
    )


def _changed(common: Sequence[str], a: Side, b: Side, column: str) -> Iterator[Change]:
    ours, theirs = _numbers(common, a), _numbers(common, b)
    names = {name: code for code, name in enumerate(a.names)}
    codes = np.array([names.get(name, NOWHERE) for name in b.names], np.int32)
    before, after = getattr(a, column)[ours], getattr(b, column)[theirs]
    for row in np.flatnonzero(before != codes[after]).tolist():
        yield Change(common[row], a.names[before[row]], b.names[after[row]])


def _repainted(common: Sequence[str], a: Side, b: Side) -> Iterator[str]:
    differ = a.checksum[_numbers(common, a)] != b.checksum[_numbers(common, b)]
    return (common[row] for row in np.flatnonzero(differ).tolist())


def _numbers(ids: Sequence[str], side: Side) -> NDArray[np.int64]:
    return np.array([side.numbers[id_] for id_ in ids], np.int64)


def _renamed(a: Side, b: Side) -> Iterator[Change]:
    """Pairs images that only one side has by their source bytes, each once, in order."""
    waiting: dict[bytes, list[str]] = {}
    for id_ in b.numbers:
        if id_ not in a.numbers and (digest := bytes(b.source[b.numbers[id_]])):
            waiting.setdefault(digest, []).append(id_)
    for id_ in a.numbers if waiting else ():
        if id_ not in b.numbers and (others := waiting.get(bytes(a.source[a.numbers[id_]]))):
            yield Change(id_, id_, others.pop(0))


def index_settings(a: Manifest, b: Manifest) -> Iterator[Change]:
    """The settings that two indexes record and that differ."""
    ours, theirs = (
        flat(
            {name: getattr(each, name) for name in type(each).__slots__ if name not in _IDENTITY}
            | {"targets": definitions(each.targets)}
        )
        for each in (a, b)
    )
    return differing(ours, theirs)


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[Change]:
    """The keys whose values differ; '' for a key that one lacks."""
    for key in dict.fromkeys((*ours, *theirs)):
        if ours.get(key) != theirs.get(key):
            yield Change(key, ours.get(key, ""), theirs.get(key, ""))


def flat(value: Any, key: str = "") -> dict[str, str]:
    """Nested mappings and dataclasses as text by dotted keys.

    >>> flat({"a": {"b": 1, "c": [2, 3]}})
    {'a.b': '1', 'a.c': '[2, 3]'}
    """
    members = value if isinstance(value, Mapping) else _members(value)
    if members is None:
        return {key: str(value)}
    found: dict[str, str] = {}
    for name, member in members.items():
        found |= flat(member, f"{key}.{name}" if key else str(name))
    return found


def nested(value: Any) -> Any:
    """Dataclasses, sections and mappings as nested mappings, with all other values as they are.

    Fields that the text of a dataclass leaves out are left out: nothing depends on them.
    """
    members = value if isinstance(value, Mapping) else _members(value)
    if members is not None and is_dataclass(value):
        shown = {field.name for field in fields(value) if field.repr}
        members = {name: member for name, member in members.items() if name in shown}
    return value if members is None else {str(name): nested(member) for name, member in members.items()}


def _members(value: Any) -> Mapping[str, Any] | None:
    """The fields of a dataclass or a section of a spec; None for any other value."""
    fields = getattr(type(value), "__dataclass_fields__", None) or getattr(type(value), "model_fields", None)
    return None if fields is None else {name: getattr(value, name) for name in fields}
