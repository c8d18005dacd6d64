"""Re-reads a finished stage and reports the files and rows that differ from the index."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.integrity import (
    Difference,
    SampleCheck,
    ShardContent,
    count_differences,
    file_differences,
    id_hash,
    index_differences,
    unlisted_differences,
)
from imgprep.dataset.manifest import INDEX, Manifest, ShardEntry, sha256_file
from imgprep.dataset.row_format import IMAGE
from imgprep.dataset.targets import ALL, described, described_targets, joined_columns
from imgprep.engines.base import Heartbeat, Runner, WholePlan, WorkerError
from imgprep.errors import ResourceError, SourceError, check_surroundings, one_line
from imgprep.shards.base import ShardReader
from imgprep.shards.shard_set import groups_of, open_shard
from imgprep.table.targets import Columns
from imgprep.util.checksum import crc32

COLUMNS: Final = ("label", "id", "parent", "checksum")
"""The columns beside the rows themselves."""
MASK: Final = "mask"
"""The column of masks, where a stage has one. The checksum of a row covers its mask too."""


@dataclass(frozen=True, slots=True)
class CheckPlan(WholePlan):
    """One shard to check, as a whole."""

    entry: ShardEntry


@dataclass(frozen=True, slots=True)
class ShardResult:
    """The result of checking one shard.

    Attributes:
        differences: all of them.
        content: the rows' ids, labels and targets.
    """

    differences: tuple[Difference, ...]
    content: ShardContent


@dataclass(frozen=True, slots=True)
class CheckJob:
    """Checks one shard against the index."""

    folder: Path
    manifest: Manifest

    def __call__(self, plan: CheckPlan, heartbeat: Heartbeat) -> ShardResult:
        """Reads all of the shard."""
        entry, path = plan.entry, self.folder / plan.entry.filename
        everything, rows = tuple(range(entry.samples)), _Rows(self.manifest, entry)
        heartbeat.at(0)
        try:
            size, digest = path.stat().st_size, sha256_file(path)
        except OSError as error:
            check_surroundings(error, path)
            lost = Difference(entry.filename, everything, f"cannot be read: {error.strerror}")
            return ShardResult((lost,), rows.content(same=False))
        found = []
        if size != entry.bytes:
            found.append(Difference(entry.filename, (), f"{size} bytes, the index says {entry.bytes}"))
        try:
            with open_shard(str(path)) as reader:
                found += rows.differences(reader)
        except SourceError as error:
            found.append(Difference(entry.filename, everything, one_line(error)))
        if digest != entry.sha256 and not found:
            found.append(Difference(entry.filename, (), f"SHA-256 differs from the index, but {rows.intact}"))
        heartbeat.done()
        return ShardResult(tuple(found), rows.content(same=digest == entry.sha256))


class _Rows:
    """Checks the rows of a shard, group by group."""

    def __init__(self, manifest: Manifest, entry: ShardEntry) -> None:
        self._manifest = manifest
        self._entry = entry
        self._format = manifest.rows
        self.ids, self.labels = np.array([], np.uint64), np.array([], np.int64)
        self.starts: dict[str, int] = {}
        self.targets = described_targets(manifest.targets)
        self.columns: list[Columns] | None = []  # None after one that does not fit

    @property
    def intact(self) -> str:
        """The words for a file whose rows are as they were written."""
        return f"the {self._format.values if self._format else 'rows'} are intact"

    def content(self, *, same: bool) -> ShardContent:
        """The ids, labels and targets of the rows seen so far."""
        narrow = np.min_scalar_type(-max(1, len(self._manifest.classes)))
        columns = joined_columns(("", columns) for columns in self.columns or ()).get("", {})
        return ShardContent(self.ids, self.labels.astype(narrow), self.starts, same, columns)

    def differences(self, reader: ShardReader) -> list[Difference]:
        """All differences of the rows."""
        found, start = list[Difference](), 0
        array = self._format.array if self._format else IMAGE
        wanted = (*COLUMNS, *(target.name for target in self.targets))
        for group in groups_of(reader, array):
            missing = [name for name in wanted if group + name not in reader.names]
            if missing:
                found.append(self._about((), f"no array {group}{missing[0]}"))
                continue
            present = [name for name in (array, *wanted, MASK) if group + name in reader.names]
            columns = {name: reader.read(group + name) for name in present}
            self.starts[group.removesuffix("/")] = len(self.ids)
            found += self._group(columns[array], columns, start)
            start += len(columns[array])
        if start != self._entry.samples:
            found.append(self._about((), f"{start} rows, the index says {self._entry.samples}"))
        return found

    def _group(self, images: NDArray[Any], columns: Mapping[str, NDArray[Any]], start: int) -> Iterator[Difference]:
        wanted = self._format
        if wanted is None or images.shape[1:] != wanted.shape or images.dtype != wanted.dtype:
            array = wanted.array if wanted else IMAGE
            yield self._about((), f"{array}s of {images.shape[1:]} {images.dtype}, the index says {wanted}")
            return
        if len({len(column) for column in columns.values()}) != 1:
            yield self._about((), "arrays of different length")
            return
        sums = np.array([crc32(image.tobytes()) for image in images], np.uint32)
        if MASK in columns:
            masks = columns[MASK]
            if masks.shape != images.shape[:3] or masks.dtype != np.uint8:
                yield self._about((), f"masks of {masks.shape[1:]} {masks.dtype}, the images are {images.shape[1:3]}")
                return
            pairs = zip(masks, sums.tolist(), strict=True)
            sums = np.array([crc32(mask.tobytes(), start) for mask, start in pairs], np.uint32)
        yield from self._rows(sums != columns["checksum"], start, f"{wanted.values} differ from their checksum")
        if images.dtype.kind == "f":
            finite = np.isfinite(images.reshape(len(images), -1)).all(axis=1)
            yield from self._rows(~finite, start, "values that are not finite")
        yield from self._answers(columns)
        codes, good = _labels(columns["label"], self._manifest)
        yield from self._rows(~good, start, "labels that are no class")
        self.labels = np.concatenate([self.labels, np.where(good, codes, -1)])
        self.ids = np.concatenate([self.ids, np.array([id_hash(id_) for id_ in columns["id"]], np.uint64)])

    def _answers(self, columns: Mapping[str, NDArray[Any]]) -> Iterator[Difference]:
        """Checks the columns of targets."""
        for target in self.targets:
            array = columns[target.name]
            if not target.fits(array, len(array)):
                kind = f"{target.kind} of {target.row_shape} {target.dtype}"
                yield self._about((), f"{target.name}: values that cannot be, the index says {kind}")
                self.columns = None
        if self.columns is not None:
            self.columns.append({target.name: columns[target.name] for target in self.targets})

    def _rows(self, wrong: NDArray[np.bool_], start: int, message: str) -> Iterator[Difference]:
        if wrong.any():
            yield self._about(tuple((np.flatnonzero(wrong) + start).tolist()), message)

    def _about(self, rows: tuple[int, ...], message: str) -> Difference:
        return Difference(self._entry.filename, rows, message)


def _labels(label: NDArray[Any], manifest: Manifest) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(N,) class index and (N,) whether it is valid, for an index or a one-hot column."""
    classes = len(manifest.classes)
    wanted = manifest.labels or {}
    if label.dtype != wanted.get("dtype"):
        return np.zeros(len(label), np.int64), np.zeros(len(label), bool)
    if label.ndim == 2:
        good = (label.shape[1] == classes) & (label.sum(axis=1) == 1) & (label.max(axis=1, initial=0) == 1)
        return label.argmax(axis=1), good
    return label.astype(np.int64), np.less(label, classes)


def verify(folder: Path, manifest: Manifest, engine: Runner) -> Iterator[Difference]:
    """Compares a finished stage with its index, shard by shard.

    Args:
        folder: of the stage.
        manifest: its index.
        engine: runs the checks.

    Yields:
        Every difference; nothing when the stage is intact.
    """
    shards: dict[str, ShardContent] = {}
    broken = False
    plans = [CheckPlan(entry) for entry in manifest.shards]
    for outcome in engine.run(CheckJob(folder, manifest), plans):
        if outcome.value is None:
            broken = True
            if isinstance(outcome.error, ResourceError) and not isinstance(outcome.error, WorkerError):
                raise outcome.error
            yield Difference(outcome.plan.entry.filename, (), f"cannot be checked: {one_line(outcome.error)}")
            continue
        yield from outcome.value.differences
        broken |= bool(outcome.value.differences)
        shards[outcome.plan.entry.filename] = outcome.value.content
    if not broken:
        yield from _whole(manifest, shards)
    yield from SampleCheck(folder, manifest, shards).differences()
    yield from file_differences(folder, manifest)
    yield from index_differences(folder)
    yield from unlisted_differences(folder, manifest)


def _whole(manifest: Manifest, shards: Mapping[str, ShardContent]) -> Iterator[Difference]:
    if not shards:
        return
    counts: dict[str, Counter[str]] = {}
    for entry in manifest.shards:
        numbers = np.bincount(shards[entry.filename].labels, minlength=len(manifest.classes)).tolist()
        found = {name: number for name, number in zip(manifest.classes, numbers, strict=True) if number}
        counts.setdefault(entry.split or "all", Counter()).update(found)
    yield from count_differences(manifest, counts)
    found_targets = described(
        described_targets(manifest.targets),
        joined_columns((entry.split or ALL, shards[entry.filename].targets) for entry in manifest.shards),
    )
    if found_targets != (manifest.targets or None):
        yield Difference(INDEX, (), "the statistics of targets are not those of the shards")
    everything = np.concatenate([shard.ids for shard in shards.values()])
    everything.sort()
    if bool(np.any(everything[1:] == everything[:-1])):
        yield Difference(INDEX, (), "some ids occur twice")
