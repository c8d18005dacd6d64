"""Compares a stage's index, its samples.jsonl and the content of its shards with each other."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import (
    AUGMENTED,
    INDEX,
    LARGEST_INDEX,
    MASKED,
    SAMPLES,
    TEMPORARY,
    Manifest,
    read_regular,
    sha256_file,
)
from imgprep.dataset.manifest_schema import is_sealed
from imgprep.dataset.records import SampleRecord, scan_records
from imgprep.dataset.targets import described_targets
from imgprep.errors import check_surroundings, one_line
from imgprep.table.targets import Columns, values_of

SHOWN: Final = 20
HARMLESS: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".gitignore", ".gitattributes"})
"""Files that desktops and version control put into folders."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A contradiction of the index.

    Attributes:
        file: in the folder of the stage.
        rows: of the shard, ascending; empty when it concerns the whole file.
        message: one line.
    """

    file: str
    rows: tuple[int, ...]
    message: str

    def __str__(self) -> str:
        rows = f" rows {_ranges(self.rows)}:" if self.rows else ""
        return f"{self.file}:{rows} {self.message}"


@dataclass(frozen=True, slots=True)
class ShardContent:
    """The ids and labels of the rows of a shard.

    Attributes:
        ids: (N,) a 64-bit hash of each id.
        labels: (N,) the class index of each row, -1 for none, in the narrowest dtype that holds them.
        starts: group of arrays -> its first row; '' for arrays outside groups.
        same: whether the file has the SHA-256 of the index.
        targets: their columns; empty without any, and where one does not fit.
    """

    ids: NDArray[np.uint64]
    labels: NDArray[np.integer]
    starts: Mapping[str, int]
    same: bool
    targets: Columns


class SampleCheck:
    """Checks that samples.jsonl lists every image found, and that each line matches its row in a shard."""

    def __init__(self, folder: Path, manifest: Manifest, shards: Mapping[str, ShardContent]) -> None:
        self._folder = folder
        self._manifest = manifest
        self._shards = shards
        self._codes = {name: code for code, name in enumerate(manifest.classes)}
        self._targets = described_targets(manifest.targets)
        self._seen = {filename: np.zeros(len(shard.ids), bool) for filename, shard in shards.items()}
        self._wrong: dict[str, list[int]] = {}
        what = "id, label or targets" if manifest.targets else "id or label"
        self._message = f"{what} differ between shard and {SAMPLES}"

    def differences(self) -> Iterator[Difference]:
        """Yields every difference between samples.jsonl, the index and the shards."""
        totals: Counter[str] = Counter()
        splits: dict[str, Counter[str]] = {}
        try:
            for number, record in enumerate(scan_records(self._folder)):
                totals.update(_totals(record))
                if record.status == "ok":
                    split = record.split or "unused"
                    splits.setdefault(split, Counter())["" if split == "unused" else record.label or ""] += 1
                    self._compare(number, record)
        except (OSError, ValueError) as error:
            check_surroundings(error, self._folder / SAMPLES)
            yield Difference(SAMPLES, (), f"cannot be read: {one_line(error)}")
            return
        yield from self._total_differences(totals)
        if not self._manifest.shards:
            yield from count_differences(self._manifest, splits)
        for filename, rows in self._wrong.items():
            yield Difference(filename, tuple(sorted(rows)), self._message)
        for filename, seen in self._seen.items():
            if not seen.all():
                yield Difference(filename, tuple(np.flatnonzero(~seen).tolist()), f"no line of {SAMPLES} has them")

    def _total_differences(self, totals: Counter[str]) -> Iterator[Difference]:
        for name, expected in self._manifest.samples.items():
            listed = name == AUGMENTED or self._manifest.lists_source
            if listed and totals[name] != expected:
                yield Difference(SAMPLES, (), f"{totals[name]} images {name}, the index says {expected}")

    def _compare(self, number: int, record: SampleRecord) -> None:
        """Compares a line with its row; on a difference, the file that contradicts the index is at fault."""
        filename, label = record.shard or "", record.label or ""
        shard = self._shards.get(filename)
        if shard is None or not len(shard.ids):
            return
        start, end = shard.starts.get("" if "" in shard.starts else label), len(shard.ids)
        row = end if start is None or record.row is None else start + record.row
        inside = 0 <= row < end
        if inside:
            self._seen[filename][row] = True
            if self._same(shard, row, record):
                return
        if shard.same or inside:
            place = (SAMPLES, number) if shard.same else (filename, row)
            self._wrong.setdefault(place[0], []).append(place[1])

    def _same(self, shard: ShardContent, row: int, record: SampleRecord) -> bool:
        """Tells whether a row is what its line says."""
        if shard.ids[row] != id_hash(record.id) or shard.labels[row] != self._codes.get(record.label or ""):
            return False
        return not shard.targets or values_of(self._targets, shard.targets, row) == record.targets


def _totals(record: SampleRecord) -> Iterator[str]:
    """The counts of `Manifest.samples` that a line adds to."""
    if record.parent is not None:
        yield AUGMENTED
        return
    yield "found"
    yield record.status
    if MASKED in record.flags:
        yield MASKED


def count_differences(manifest: Manifest, counts: Mapping[str, Counter[str]]) -> Iterator[Difference]:
    """Yields the splits and classes with a number of images other than in the index."""
    for split, expected in manifest.counts.items():
        found = counts.get(split, Counter())
        for name in sorted({*expected, *found}):
            wanted = expected.get(name, 0)
            if found[name] != wanted:
                message = f"{found[name]} images of {name} in {split}, the index says {wanted}"
                yield Difference(INDEX, (), one_line(message))


def index_differences(folder: Path) -> Iterator[Difference]:
    """Yields a difference when the index no longer matches its own digest."""
    try:
        same = is_sealed(read_regular(folder / INDEX, LARGEST_INDEX))
    except OSError as error:
        check_surroundings(error, folder / INDEX)
        yield Difference(INDEX, (), f"cannot be read: {error.strerror}")
        return
    if not same:
        yield Difference(INDEX, (), "changed: it is not what its last line, a digest, says")


def file_differences(folder: Path, manifest: Manifest) -> Iterator[Difference]:
    """Yields the files other than shards that differ from the index."""
    for name, digest in manifest.files.items():
        try:
            if sha256_file(folder / name) != digest:
                yield Difference(name, (), "SHA-256 differs from the index")
        except OSError as error:
            check_surroundings(error, folder / name)
            yield Difference(name, (), f"cannot be read: {error.strerror}")


def unlisted_differences(folder: Path, manifest: Manifest) -> Iterator[Difference]:
    """Yields files that the index does not list: a program that reads every shard in the folder would read them too.

    Temporary files of a killed run do not count: nothing reads them, and the next run removes them.
    """
    known = {INDEX, SAMPLES, *manifest.files, *(shard.filename for shard in manifest.shards)}
    for name in sorted(path.name for path in folder.iterdir()):
        if name not in known and name not in HARMLESS and not name.startswith(TEMPORARY):
            yield Difference(name, (), f"is not listed in {INDEX}; move it out of the folder if it is yours")


def id_hash(text: object) -> int:
    """A 64-bit hash of an id, so that millions fit in memory."""
    return int.from_bytes(hashlib.blake2b(str(text).encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _ranges(rows: Sequence[int]) -> str:
    """Rows as readable ranges.

    >>> _ranges([0, 1, 2, 5])
    '0-2, 5'
    """
    breaks = [place for place in range(1, len(rows)) if rows[place] != rows[place - 1] + 1]
    edges = [0, *breaks, len(rows)]
    runs = [(rows[start], rows[stop - 1]) for start, stop in pairwise(edges)]
    shown = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in runs[:SHOWN])
    return shown + (f" and {len(runs) - SHOWN} more ranges" if len(runs) > SHOWN else "")
