"""The shards of a dataset, opened when a row is asked for, a few at a time, by each process for itself."""

import os
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from imgprep.containers.files import Plain, map_file, refusal
from imgprep.shards.base import Rows, ShardFormat, ShardReader

# Each mapped shard keeps a file descriptor, of which a process often has 1024; mapping one again costs some 30 us.
_MAX_MAPPED: Final = 256
# Others keep buffers, compressed npz shards all their images.
_MAX_READERS: Final = 8


class ShardRows(NamedTuple):
    """The rows of one open shard.

    Attributes:
        images: (N, H, W, C).
        labels: (N,) or (N, K).
    """

    images: Rows
    labels: Rows


class LazyShard:
    """One file of a dataset, flat or with a group for each class (then its rows are those of the groups, one by one).

    Attributes:
        path: the file.
    """

    __slots__ = ("_dtype", "_format", "_plain", "_shape", "path")

    def __init__(self, path: str, shard_format: ShardFormat, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.path = path
        self._format = shard_format
        self._shape = shape
        self._dtype = dtype
        self._plain: list[tuple[Plain, Plain]] = []

    def open(self) -> tuple[bool, ShardRows]:
        """Opens the file and compares it with the index.

        Returns:
            (whether the rows are mapped, so that no reader has to stay open; the rows).

        Raises:
            SourceError: the file is missing, damaged, or not what the index says.
        """
        if self._plain:
            return True, self._map(self._plain)
        reader = self._format.open(self.path)
        groups = _groups(reader)
        located = [(reader.locate(f"{group}image"), reader.locate(f"{group}label")) for group in groups]
        plain = [(images, labels) for images, labels in located if images is not None and labels is not None]
        if len(plain) == len(groups):
            reader.close()
            rows = self._check(self._map(plain))
            self._plain = plain
            return True, rows
        parts = [ShardRows(reader.rows(f"{group}image"), reader.rows(f"{group}label")) for group in groups]
        return False, self._check(_stacked(parts))

    def texts(self, name: str) -> list[str]:
        """All rows of an array of text.

        Raises:
            SourceError: the file is missing or damaged.
        """
        with self._format.open(self.path) as reader:
            return [text for group in _groups(reader) for text in reader.read(f"{group}{name}").tolist()]

    def _map(self, plain: list[tuple[Plain, Plain]]) -> ShardRows:
        file = map_file(self.path)
        return _stacked([ShardRows(images.map(file), labels.map(file)) for images, labels in plain])

    def _check(self, rows: ShardRows) -> ShardRows:
        images, labels = rows
        if images.shape != self._shape or images.dtype != self._dtype or len(labels) != len(images):
            found = f"{len(labels)} labels and images {images.shape} {images.dtype}"
            raise refusal(self.path, "image", f"has {found}, dataset.json says {self._shape} {self._dtype}")
        return rows


class OpenShards:
    """The rows of the shards that a process has open: the newest few, and none that another process opened."""

    __slots__ = ("_mapped", "_process", "_readers")

    def __init__(self) -> None:
        self._process = os.getpid()
        self._mapped: dict[int, ShardRows] = {}
        self._readers: dict[int, ShardRows] = {}

    def get(self, number: int, shard: LazyShard) -> ShardRows:
        """The rows of a shard.

        Args:
            number: its place in the dataset.
            shard: the shard, opened if it is not.
        """
        found = self._mapped.get(number)
        if found is None and self._process == os.getpid():
            found = self._readers.get(number)
        return self._open(number, shard) if found is None else found

    def _open(self, number: int, shard: LazyShard) -> ShardRows:
        if self._process != os.getpid():
            # Maps survive a fork, open HDF5 files do not: they are left alone, not even closed.
            _inherited.append(self._readers)
            self._readers, self._process = {}, os.getpid()
        mapped, rows = shard.open()
        cache, limit = (self._mapped, _MAX_MAPPED) if mapped else (self._readers, _MAX_READERS)
        while len(cache) >= limit:
            cache.pop(next(iter(cache)), None)
        cache[number] = rows
        return rows


_inherited: Final[list[Mapping[int, ShardRows]]] = []


class _Stack:
    """Arrays on top of each other, without copying them into one."""

    __slots__ = ("_parts", "_starts", "dtype", "shape")

    def __init__(self, parts: list[Rows]) -> None:
        self._parts = parts
        *self._starts, total = accumulate(map(len, parts), initial=0)
        first = parts[0]
        self.shape: tuple[int, ...] = (total, *first.shape[1:])
        self.dtype: np.dtype[Any] = first.dtype

    def __len__(self) -> int:
        return self.shape[0]

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> NDArray[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            pieces = [
                part[max(start - first, 0) : max(stop - first, 0)]
                for first, part in zip(self._starts, self._parts, strict=True)
            ]
            return np.concatenate(pieces)[::step]
        part = max(place for place, first in enumerate(self._starts) if first <= index)
        return self._parts[part][index - self._starts[part]]


def _stacked(parts: list[ShardRows]) -> ShardRows:
    if len(parts) == 1:
        return parts[0]
    return ShardRows(_Stack([part.images for part in parts]), _Stack([part.labels for part in parts]))


def _groups(reader: ShardReader) -> list[str]:
    """What stands before ``image`` in the names of a shard: nothing, or each class's group."""
    groups = [name.removesuffix("image") for name in reader.names if name == "image" or name.endswith("/image")]
    return groups if groups and "" not in groups else [""]
