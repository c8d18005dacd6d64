"""Access to finished shards: the format of a file, its groups and rows, and a cache of open files."""

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.files import ArrayLocation, map_file, refusal
from imgprep.errors import SourceError, one_line
from imgprep.shards import FORMATS
from imgprep.shards.base import Rows, ShardFormat, ShardReader
from imgprep.shards.stack import held_bytes, stacked
from imgprep.storage.cache import CachedObject

# Each mapped shard keeps a file descriptor, of which a process often has 1024; mapping one again costs some 30 us.
MAX_MAPPED: Final = 256
# Others keep buffers, compressed npz shards all their images: there are as many as this holds, but at least one.
MAX_READERS: Final = 8
MAX_HELD: Final = 1 << 30

T = TypeVar("T")


def format_of(filename: str) -> ShardFormat:
    """The format of a shard by the suffix of its name.

    Raises:
        SourceError: no format has it.
    """
    for format_ in FORMATS.values():
        if filename.endswith(format_.suffix):
            return format_
    raise SourceError(f"{one_line(filename)}: no shard format has this suffix")


def open_shard(path: str) -> ShardReader:
    """Opens a shard by itself; close it, or use it as a context manager.

    Raises:
        SourceError: no format has its suffix, or the file is missing, damaged or hostile.
    """
    return format_of(path).open(path)


def groups_of(reader: ShardReader, array: str = "image") -> tuple[str, ...]:
    """The prefixes of an array's name in a shard, in file order: '' where it is flat, else ``class/``."""
    return tuple(name.removesuffix(array) for name in reader.names if name.rpartition("/")[2] == array)


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as the index describes it.

    Attributes:
        path: of the file.
        shape: of all its images, (N, H, W, C), or of their features, (N, D).
        dtype: of these.
        array: the name of the array that has them.
        origin: fetches the file before it is opened; None for one that is there.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    array: str = "image"
    origin: CachedObject | None = None

    def opened(self, open_: Callable[[str], T]) -> T:
        """What a function makes of the file, fetched before if need be; see `CachedObject.opened`."""
        return open_(self.path) if self.origin is None else self.origin.opened(open_)


class OpenShard:
    """The rows of one shard, group by group where it has groups.

    Attributes:
        images: (N, H, W, C), or features (N, D), read or mapped on access.
        labels: (N,) or (N, K).

    Args:
        shard: the shard.
        located: array name -> places in the file, as far as known.

    Raises:
        SourceError: the file is missing, damaged, or differs from the index.
    """

    __slots__ = ("_located", "_others", "_reader", "_shard", "images", "labels")

    def __init__(self, shard: Shard, located: MutableMapping[str, tuple[ArrayLocation, ...]]) -> None:
        self._shard = shard
        self._located = located
        self._others: dict[str, Rows] = {}
        self._reader: ShardReader | None = None
        self.images, self.labels = self._map(shard.array, "label") or self._open()
        self._check()

    @property
    def mapped(self) -> bool:
        """True if images and labels are views of the mapped file, so that no reader stays open."""
        return self._reader is None

    @property
    def held(self) -> int:
        """Bytes of images and labels that stay in memory while it is open."""
        return 0 if self.mapped else held_bytes(self.images) + held_bytes(self.labels)

    def rows(self, name: str) -> Rows:
        """The rows of another array; it is read as a whole if the images are mapped but it cannot be."""
        if name not in self._others:
            if self._reader is not None:
                self._others[name] = self._rows(self._reader, name)
            else:
                with self._shard.opened(open_shard) as reader:
                    self._locate(reader, name)
                plain = self._map(name)
                self._others[name] = (
                    self._shard.opened(lambda path: read_array(path, name, self._shard.array))
                    if plain is None
                    else plain[0]
                )
        return self._others[name]

    def close(self) -> None:
        """Closes the file; mapped rows stay valid, others do not."""
        if self._reader is not None:
            self._reader.close()

    def _open(self) -> tuple[Rows, ...]:
        """Images and labels of a shard that is opened for the first time, or has to stay open."""
        reader, array = self._shard.opened(open_shard), self._shard.array
        if self._locate(reader, array, "label"):
            reader.close()
            return self._map(array, "label") or ()
        self._reader = reader
        return self._rows(reader, array), self._rows(reader, "label")

    def _rows(self, reader: ShardReader, name: str) -> Rows:
        return stacked([reader.rows(group + name) for group in _groups(reader, self._shard.array)])

    def _locate(self, reader: ShardReader, *names: str) -> bool:
        """Records where arrays lie in the file; False unless all of them are uncompressed."""
        found = {name: [reader.locate(group + name) for group in _groups(reader, self._shard.array)] for name in names}
        plain = {name: tuple(place for place in places if place is not None) for name, places in found.items()}
        if any(len(plain[name]) != len(found[name]) for name in names):
            return False
        self._located.update(plain)
        return True

    def _map(self, *names: str) -> tuple[Rows, ...] | None:
        """The arrays as views of the mapped file; None unless it is known where they lie."""
        if not self._located.keys() >= set(names):
            return None
        file = self._shard.opened(map_file)
        return tuple(stacked([place.map(file) for place in self._located[name]]) for name in names)

    def _check(self) -> None:
        images, shard = self.images, self._shard
        if images.shape != shard.shape or images.dtype != shard.dtype or len(self.labels) != len(images):
            self.close()
            found = f"{len(self.labels)} labels and {shard.array}s {images.shape} {images.dtype}"
            raise refusal(shard.path, shard.array, f"has {found}, dataset.json says {shard.shape} {shard.dtype}")


def read_array(path: str, name: str, array: str = "image") -> NDArray[Any]:
    """All rows of an array of a shard, group after group; `array` is the one whose rows the others are about.

    Raises:
        SourceError: the file is missing or damaged.
    """
    with open_shard(path) as reader:
        parts = [reader.read(group + name) for group in _groups(reader, array)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _groups(reader: ShardReader, array: str) -> tuple[str, ...]:
    # A shard without images is refused by the name that it lacks.
    return groups_of(reader, array) or ("",)


class ShardSet:
    """Shards that each process opens on access and of which it keeps a few open.

    A pickled or forked set does not share open files with the other process.

    Args:
        shards: in order.
        located: for each shard, array name -> places in the file, as far as known.
        mapped: number of shards that stay mapped.
        readers: number of others that stay open.
        held: bytes of images that those may keep in memory; one stays open however large it is.
    """

    __slots__ = (
        "_inherited",
        "_located",
        "_mapped",
        "_max_held",
        "_max_mapped",
        "_max_readers",
        "_process",
        "_readers",
        "_shards",
    )

    def __init__(
        self,
        shards: Sequence[Shard],
        located: Sequence[MutableMapping[str, tuple[ArrayLocation, ...]]] = (),
        *,
        mapped: int = MAX_MAPPED,
        readers: int = MAX_READERS,
        held: int = MAX_HELD,
    ) -> None:
        self._shards = tuple(shards)
        self._located = tuple(located) or tuple({} for _ in self._shards)
        self._max_mapped, self._max_readers, self._max_held = mapped, readers, held
        self._process = os.getpid()
        self._mapped: dict[int, OpenShard] = {}
        self._readers: dict[int, OpenShard] = {}
        self._inherited: list[Mapping[int, OpenShard]] = []

    def __len__(self) -> int:
        return len(self._shards)

    def __add__(self, other: "ShardSet") -> "ShardSet":
        """The shards of both, none of them open."""
        return ShardSet(self._shards + other._shards, self._located + other._located)

    def __getitem__(self, number: int) -> OpenShard:
        """A shard, opened if it is not.

        Raises:
            SourceError: the file is missing, damaged, or differs from the index.
        """
        found = self._mapped.get(number)
        if found is None and self._process == os.getpid():
            found = self._readers.get(number)
        return self._open(number) if found is None else found

    def texts(self, number: int, name: str) -> list[str]:
        """All rows of an array of text."""
        texts: list[str] = self.array(number, name).tolist()
        return texts

    def array(self, number: int, name: str) -> NDArray[Any]:
        """All rows of an array, read from the file.

        Raises:
            SourceError: the file is missing or damaged, or has no such array.
        """
        shard = self._shards[number]
        return shard.opened(lambda path: read_array(path, name, shard.array))

    @contextmanager
    def opened(self, most: int) -> Iterator["ShardSet"]:
        """The same shards with a cache of their own, for one task in a thread; closed at the end.

        Args:
            most: number of shards that stay open; their bytes are the affair of the worker's memory limit.
        """
        own = ShardSet(self._shards, self._located, mapped=most, readers=most, held=most * MAX_HELD)
        try:
            yield own
        finally:
            own.close()

    def close(self) -> None:
        """Closes the files that this process has open."""
        self._mapped.clear()
        if self._process == os.getpid():
            while self._readers:
                self._readers.popitem()[1].close()

    def __reduce__(self) -> tuple[object, ...]:
        return ShardSet, (self._shards, self._located)

    def _held(self) -> int:
        return sum(shard.held for shard in self._readers.copy().values())

    def _open(self, number: int) -> OpenShard:
        if self._process != os.getpid():
            # Maps survive a fork, open HDF5 files do not: they are left alone, not even closed.
            self._inherited.append(self._readers)
            self._readers, self._process = {}, os.getpid()
        shard = OpenShard(self._shards[number], self._located[number])
        cache, limit = (self._mapped, self._max_mapped) if shard.mapped else (self._readers, self._max_readers)
        while len(cache) >= limit or (cache and shard.held + self._held() > self._max_held):
            # Not closed, for a thread may be reading it: the file closes with the last of its rows.
            cache.pop(next(iter(cache)), None)
        cache[number] = shard
        return shard
