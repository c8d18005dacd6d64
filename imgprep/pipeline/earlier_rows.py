"""Rows of shards that an earlier run made: found by what they were made from, and checked when they are read."""

import json
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import commit, committing
from imgprep.errors import ImgprepError
from imgprep.pipeline.row_records import KEY, UNKNOWN, RowRecords, read_row_records
from imgprep.shards.base import Rows
from imgprep.shards.shard_set import Shard, ShardSet
from imgprep.util.checksum import crc32

SHA: Final = 32
"""Bytes of a SHA-256."""
_UNREADABLE: Final = (ImgprepError, OSError, ValueError, LookupError, MemoryError)
OPEN: Final = 32
"""Earlier shards that a worker keeps open."""


class EarlierShard(NamedTuple):
    """A shard that is kept until the stage is made again.

    Attributes:
        path: of the file.
        records: path of what is recorded of its rows.
        sha256: of that.
        rows: how many it has.
    """

    path: str
    records: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """Rows as an earlier run wrote them, one after another.

    Attributes:
        arrays: name -> the rows, valid while the shards are open.
        checksums: of each row of the arrays, in this order.
        contents: of each row 16 bytes, a hash of what it was read from.
        sha256: of each row 32 bytes, of what it was read from; nothing where rows were made of other rows.
        details: of each row what else is told of it, as JSON.
    """

    arrays: Mapping[str, NDArray[Any]]
    checksums: list[int]
    contents: bytes
    sha256: bytes
    details: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.checksums)


@dataclass(frozen=True, slots=True)
class EarlierRows:
    """All earlier rows that may be copied, described in two small files; nothing is open.

    Attributes:
        index: path of the list of shards; with the suffix .npy the numbers of the rows by their content.
        image: shape and dtype of every row.
    """

    index: str
    image: tuple[tuple[int, ...], str]

    @classmethod
    def write(
        cls,
        folder: Path,
        shards: Iterable[EarlierShard],
        contents: NDArray[np.uint8],
        image: tuple[tuple[int, ...], str],
    ) -> "EarlierRows":
        """Writes the two files into a folder, under names that no other process gets.

        Args:
            folder: that is there.
            shards: in order.
            contents: (N, 16) of the rows of all of them.
            image: shape and dtype of every row.

        Raises:
            ResourceError: they cannot be written.
        """
        listed = [list(shard) for shard in shards]
        path = folder / f"index-{uuid4().hex}.json"
        first = _first(contents)
        order = np.argsort(first, kind="stable")
        order = order[first[order] != 0]
        with committing(path.with_suffix(".npy"), durable=False) as file:
            np.save(file, np.stack([first[order], order.astype(np.uint64)]))
        commit(path, json.dumps(listed).encode(), durable=False)
        return cls(str(path), image)

    @contextmanager
    def opened(self) -> Iterator["OpenRows"]:
        """The rows, to be read by one task in a thread; closed at the end."""
        shards = [EarlierShard(*members) for members in json.loads(Path(self.index).read_bytes())]
        by_content = np.load(Path(self.index).with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        shape, dtype = self.image
        files = ShardSet([Shard(shard.path, (shard.rows, *shape), np.dtype(dtype)) for shard in shards])
        with files.opened(OPEN) as opened:
            yield OpenRows(shards, opened, by_content)


class _Recorded(NamedTuple):
    """The records of the rows of a shard, in a form for quick access to one row."""

    checksums: list[int]
    contents: bytes
    sha256: bytes
    details: Sequence[bytes]

    @classmethod
    def of(cls, records: RowRecords) -> "_Recorded":
        sha256 = records.sha256.tobytes()
        return cls(records.checksums.tolist(), records.contents.tobytes(), sha256, records.details)


class _Span(NamedTuple):
    """The rows of the shard that was asked for last.

    Attributes:
        start: the number of the first.
        stop: one more than that of the last.
        names: of the arrays.
        arrays: in this order.
        records: of the rows; None where the shard is damaged.
    """

    start: int
    stop: int
    names: tuple[str, ...]
    arrays: tuple[Rows, ...]
    records: _Recorded | None


class OpenRows:
    """Earlier rows, read on access.

    A row is given only if its pixels have the checksum that was recorded when it was written. Whatever is wrong with a
    shard, its rows are then not known any more.

    Args:
        shards: in order.
        files: the same, opened on access.
        by_content: (2, N) uint64, the beginnings of the hashes of the contents in ascending order, and their rows.
    """

    def __init__(self, shards: list[EarlierShard], files: ShardSet, by_content: NDArray[np.uint64]) -> None:
        self._shards = shards
        self._files = files
        self._by_content = by_content
        self._starts = [*accumulate((shard.rows for shard in shards), initial=0)]
        self._records: dict[int, _Recorded | None] = {}
        self._damaged: set[int] = set()
        self._span = _Span(0, 0, (), (), None)

    def find(self, content: bytes) -> int:
        """The number of a row that was read from this content; -1 when there is none."""
        known = self._by_content[0]
        wanted = np.frombuffer(content, np.uint64, 1)[0]
        place = int(np.searchsorted(known, wanted))
        return int(self._by_content[1][place]) if place < len(known) and known[place] == wanted else -1

    def read(self, number: int, most: int, arrays: tuple[str, ...]) -> EarlierRun | None:
        """Rows of one shard from a number on, up to the first damaged one; None where that is the first of all.

        Args:
            number: of the first.
            most: how many there are at most.
            arrays: of the shard, of which all that count for the checksums.
        """
        span = self._span
        if not span.start <= number < span.stop or span.names != arrays:
            self._span = span = self._spanning(number, arrays)
        records, start = span.records, number - span.start
        if records is None:
            return None
        stop = min(start + most, span.stop - span.start)
        try:
            found = {name: rows[start:stop] for name, rows in zip(arrays, span.arrays, strict=True)}
            checksums = _checksums(found.values())
        except _UNREADABLE:
            self._span = self._without(number, arrays)
            return None
        known = records.checksums[start:stop]
        sound = next((row for row, checksum in enumerate(checksums) if checksum != known[row]), len(known))
        if not sound:
            return None
        stop = start + sound
        return EarlierRun(
            {name: rows[:sound] for name, rows in found.items()},
            known[:sound],
            records.contents[start * KEY : stop * KEY],
            records.sha256[start * SHA : stop * SHA],
            records.details[start:stop],
        )

    def _spanning(self, number: int, names: tuple[str, ...]) -> "_Span":
        """The shard of a row; the next rows that are asked for are mostly of the same."""
        shard = self._shard_of(number)
        records = None if shard in self._damaged else self._recorded(shard)
        if records is None:
            return self._without(number, names)
        try:
            opened = self._files[shard]
            arrays = tuple(opened.images if name == "image" else opened.rows(name) for name in names)
        except _UNREADABLE:
            return self._without(number, names)
        return _Span(self._starts[shard], self._starts[shard + 1], names, arrays, records)

    def _without(self, number: int, names: tuple[str, ...]) -> "_Span":
        """The shard of a row, which is damaged."""
        shard = self._shard_of(number)
        self._damaged.add(shard)
        return _Span(self._starts[shard], self._starts[shard + 1], names, (), None)

    def _shard_of(self, number: int) -> int:
        return bisect_right(self._starts, number) - 1

    def _recorded(self, shard: int) -> "_Recorded | None":
        """Reads the records of the rows of a shard; the last few are kept."""
        if shard not in self._records:
            while len(self._records) >= OPEN:
                self._records.pop(next(iter(self._records)))
            found = read_row_records(Path(self._shards[shard].records), self._shards[shard].sha256)
            same = found is not None and len(found) == self._shards[shard].rows
            self._records[shard] = _Recorded.of(found) if found is not None and same else None
        return self._records[shard]


def _checksums(arrays: Collection[NDArray[Any]]) -> list[int]:
    """The checksum of each row, over all arrays."""
    found = [0] * len(next(iter(arrays)))
    for rows in arrays:
        found = list(map(crc32, rows, found))
    return found


def places(known: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(M,) the row of each wanted key among the known ones; -1 where it is not, or is `UNKNOWN`.

    Args:
        known: (N, 16).
        wanted: (M, 16).
    """
    found = np.full(len(wanted), -1, np.int64)
    if not len(known) or not len(wanted):
        return found
    first, asked = _first(known), _first(wanted)
    order = np.argsort(first, kind="stable")
    place = order[np.minimum(np.searchsorted(first[order], asked), len(order) - 1)]
    same = (known[place] == wanted).all(axis=1) & (asked != 0)
    found[same] = place[same]
    return found


def _first(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(N,) the first eight bytes of hashes: 0 for `UNKNOWN`."""
    assert len(UNKNOWN) == hashes.shape[1]
    return np.ascontiguousarray(hashes[:, :8]).view(np.uint64)[:, 0]
