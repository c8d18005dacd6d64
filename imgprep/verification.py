"""verify: re-reads a finished stage and says which file and which rows are not what the index says."""

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.engines.base import Cursor, Engine
from imgprep.errors import SourceError, one_line
from imgprep.manifest import SAMPLES, Manifest, ShardEntry, sha256_file
from imgprep.shards import FORMATS
from imgprep.shards.base import ShardFormat, ShardReader

SHOWN: Final = 20
COLUMNS: Final = ("image", "label", "id", "parent", "checksum")


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as the index says.

    Attributes:
        file: in the folder of the stage.
        rows: of the shard, ascending; empty when it is about the file as a whole.
        message: one line.
    """

    file: str
    rows: tuple[int, ...]
    message: str

    def __str__(self) -> str:
        rows = f" rows {_ranges(self.rows)}:" if self.rows else ""
        return f"{self.file}:{rows} {self.message}"


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One shard to be checked."""

    entry: ShardEntry

    def excluding(self, item: int, reason: str) -> "ShardPlan":
        """The same plan: a shard is checked whole."""
        return self


@dataclass(frozen=True, slots=True)
class Checked:
    """What a worker found.

    Attributes:
        differences: all of them.
        counts: readable rows of each class index.
        ids: (N,) a 64-bit hash of each id.
    """

    differences: tuple[Difference, ...]
    counts: Mapping[int, int]
    ids: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class CheckJob:
    """Checks one shard against the index."""

    folder: Path
    manifest: Manifest

    def __call__(self, plan: ShardPlan, cursor: Cursor) -> Checked:
        """Reads all of the shard."""
        entry, path = plan.entry, self.folder / plan.entry.filename
        everything = tuple(range(entry.samples))
        cursor.at(0)
        try:
            size, digest = path.stat().st_size, sha256_file(path)
        except OSError as error:
            lost = Difference(entry.filename, everything, f"cannot be read: {error.strerror}")
            return Checked((lost,), {}, np.array([], np.uint64))
        found = []
        if size != entry.bytes:
            found.append(Difference(entry.filename, (), f"{size} bytes, the index says {entry.bytes}"))
        try:
            with format_of(entry.filename).open(str(path)) as reader:
                rows = _Rows(reader, self.manifest, entry)
                found += rows.differences()
                counts, ids = rows.counts, rows.ids
        except SourceError as error:
            found.append(Difference(entry.filename, everything, one_line(error)))
            counts, ids = Counter(), np.array([], np.uint64)
        if digest != entry.sha256 and not found:
            found.append(
                Difference(entry.filename, (), "SHA-256 differs from the index, but every row's pixels are intact")
            )
        cursor.done()
        return Checked(tuple(found), counts, ids)


class _Rows:
    """The rows of an open shard, group by group."""

    def __init__(self, reader: ShardReader, manifest: Manifest, entry: ShardEntry) -> None:
        self._reader = reader
        self._manifest = manifest
        self._entry = entry
        self.counts: Counter[int] = Counter()
        self.ids = np.array([], np.uint64)

    def differences(self) -> list[Difference]:
        """Everything that is wrong with them."""
        groups = [name.removesuffix("image") for name in self._reader.names if name.split("/")[-1] == "image"]
        found: list[Difference] = []
        start = 0
        for group in groups:
            missing = [name for name in COLUMNS if group + name not in self._reader.names]
            if missing:
                found.append(self._about((), f"no array {group}{missing[0]}"))
                continue
            columns = {name: self._reader.read(group + name) for name in COLUMNS}
            found += self._group(columns, start)
            start += len(columns["image"])
        if start != self._entry.samples:
            found.append(self._about((), f"{start} rows, the index says {self._entry.samples}"))
        return found

    def _group(self, columns: Mapping[str, NDArray[Any]], start: int) -> Iterator[Difference]:
        images = columns["image"]
        wanted = self._manifest.image
        if wanted is None or images.shape[1:] != wanted.shape or images.dtype != wanted.dtype:
            yield self._about((), f"images of {images.shape[1:]} {images.dtype}, the index says {wanted}")
            return
        if len({len(column) for column in columns.values()}) != 1:
            yield self._about((), "arrays of different length")
            return
        sums = np.array([zlib.crc32(image.tobytes()) for image in images], np.uint32)
        yield from self._rows(sums != columns["checksum"], start, "pixels differ from their checksum")
        if images.dtype.kind == "f":
            finite = np.isfinite(images.reshape(len(images), -1)).all(axis=1)
            yield from self._rows(~finite, start, "values that are not finite")
        codes, good = _labels(columns["label"], self._manifest)
        yield from self._rows(~good, start, "labels that are no class")
        self.counts.update(codes[good].tolist())
        hashes = [hashlib.blake2b(str(id_).encode(), digest_size=8).digest() for id_ in columns["id"]]
        self.ids = np.concatenate([self.ids, np.frombuffer(b"".join(hashes), np.uint64)])

    def _rows(self, wrong: NDArray[np.bool_], start: int, message: str) -> Iterator[Difference]:
        if wrong.any():
            yield self._about(tuple((np.flatnonzero(wrong) + start).tolist()), message)

    def _about(self, rows: tuple[int, ...], message: str) -> Difference:
        return Difference(self._entry.filename, rows, message)


def _labels(label: NDArray[Any], manifest: Manifest) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(N,) class index and (N,) whether it is one, of an index or a one-hot column."""
    classes = len(manifest.classes)
    wanted = manifest.labels or {}
    if label.dtype != wanted.get("dtype"):
        return np.zeros(len(label), np.int64), np.zeros(len(label), bool)
    if label.ndim == 2:
        good = (label.shape[1] == classes) & (label.sum(axis=1) == 1) & (label.max(axis=1, initial=0) == 1)
        return label.argmax(axis=1), good
    return label.astype(np.int64), np.less(label, classes)


def verify(folder: Path, manifest: Manifest, engine: Engine) -> Iterator[Difference]:
    """Compares a finished stage with its index, shard by shard.

    Args:
        folder: of the stage.
        manifest: its index.
        engine: that reads the shards.

    Yields:
        Every difference; nothing when all is as it was written.
    """
    counts: dict[str, Counter[int]] = {}
    ids = []
    broken = False
    plans = [ShardPlan(entry) for entry in manifest.shards]
    for outcome in engine.run(CheckJob(folder, manifest), plans):
        if outcome.value is None:
            broken = True
            reason = one_line(outcome.error)
            yield Difference(outcome.plan.entry.filename, (), f"cannot be checked: {reason}")
            continue
        broken = broken or bool(outcome.value.differences)
        yield from outcome.value.differences
        counts.setdefault(outcome.plan.entry.split or "all", Counter()).update(outcome.value.counts)
        ids.append(outcome.value.ids)
    if not broken:
        yield from _whole(manifest, counts, ids)
    yield from _samples(folder, manifest)


def _whole(
    manifest: Manifest, counts: Mapping[str, Counter[int]], ids: Sequence[NDArray[np.uint64]]
) -> Iterator[Difference]:
    if not manifest.shards:
        return
    for split, expected in manifest.counts.items():
        found = counts.get(split, Counter())
        for code, name in enumerate(manifest.classes):
            if found[code] != expected.get(name, 0):
                message = f"{found[code]} images of {name} in {split}, the index says {expected.get(name, 0)}"
                yield Difference("dataset.json", (), one_line(message))
    everything = np.concatenate(ids) if ids else np.array([], np.uint64)
    if len(np.unique(everything)) != len(everything):
        yield Difference("dataset.json", (), "some ids occur twice")


def _samples(folder: Path, manifest: Manifest) -> Iterator[Difference]:
    """Checks that every image found is accounted for."""
    status: Counter[str] = Counter()
    try:
        with (folder / SAMPLES).open("rb") as file:
            status.update(json.loads(line)["status"] for line in file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield Difference(SAMPLES, (), f"cannot be read: {one_line(error)}")
        return
    for name, expected in manifest.samples.items():
        found = status.total() if name == "found" else status[name]
        if found != expected:
            yield Difference(SAMPLES, (), f"{found} images {name}, the index says {expected}")


def format_of(filename: str) -> ShardFormat:
    """The format of a shard by the suffix of its name.

    Raises:
        SourceError: no format has it.
    """
    for format_ in FORMATS.values():
        if filename.endswith(format_.suffix):
            return format_
    raise SourceError(f"{one_line(filename)}: no shard format has this suffix")


def _ranges(rows: Sequence[int]) -> str:
    """Rows for people.

    >>> _ranges([0, 1, 2, 5])
    '0-2, 5'
    """
    breaks = [place for place in range(1, len(rows)) if rows[place] != rows[place - 1] + 1]
    edges = [0, *breaks, len(rows)]
    runs = [(rows[start], rows[stop - 1]) for start, stop in pairwise(edges)]
    shown = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in runs[:SHOWN])
    return shown + (f" and {len(runs) - SHOWN} more ranges" if len(runs) > SHOWN else "")
