"""Columns of strings, which keep the metadata of millions of samples in memory.

A column of strings is one buffer of UTF-8 and one array of offsets; a column of few distinct values is one array of
codes, as narrow as the number of values allows, and one list of the values. A part of a column is a view of it. Ten
million samples then need less than a gigabyte, not ten. Loops over a column work block by block.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, Final, Protocol, overload

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 4096


class Hash(Protocol):
    """A hash state, as of `hashlib`."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Adds bytes to the hash."""
        ...


Rows = slice | NDArray[np.integer] | NDArray[np.bool_]
Codes = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]


def blocks(rows: int, size: int | None = None) -> Iterator[slice]:
    """Cuts a number of rows into slices of bounded size.

    >>> list(blocks(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = BLOCK if size is None else size
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


class StringColumn(Sequence[str]):
    """Immutable strings in one buffer; surrogates (undecodable file names) survive."""

    __slots__ = ("_data", "_offsets")

    def __init__(self, data: bytes | bytearray, offsets: NDArray[np.integer]) -> None:
        self._data = data
        self._offsets = offsets

    @classmethod
    def of(cls, strings: Iterable[str]) -> "StringColumn":
        """Packs the strings."""
        column = StringBuilder()
        for string in strings:
            column.add(string)
        return column.column()

    @classmethod
    def blank(cls, rows: int) -> "StringColumn":
        """A column of empty strings."""
        return cls(b"", np.zeros(rows + 1, np.uint32))

    @classmethod
    def joined(cls, columns: "Sequence[StringColumn]") -> "StringColumn":
        """Concatenates columns."""
        data = bytearray()
        for column in columns:
            data += column.joint()
        return cls(data, _offsets(np.concatenate([np.diff(column._offsets) for column in columns])))

    def joint(self) -> memoryview:
        """All strings in UTF-8, without separators."""
        return memoryview(self._data)[int(self._offsets[0]) : int(self._offsets[-1])]

    def ends(self) -> NDArray[np.int64]:
        """(N + 1,) 0, and where each string ends in `joint`."""
        return self._offsets.astype(np.int64) - int(self._offsets[0])

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: Rows) -> "StringColumn": ...
    def __getitem__(self, index: int | Rows) -> "str | StringColumn":
        if isinstance(index, (int, np.integer)):
            index = int(index) + (len(self) if index < 0 else 0)
            if not 0 <= index < len(self):
                raise IndexError(index)
            start, end = self._offsets[index : index + 2].tolist()
            return self._data[start:end].decode("utf-8", "surrogateescape")
        if isinstance(index, slice) and index.step in {None, 1}:
            start, stop, _ = index.indices(len(self))
            return StringColumn(self._data, self._offsets[start : max(start, stop) + 1])
        return self._take(np.arange(len(self))[index] if isinstance(index, slice) else index)

    def _take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "StringColumn":
        rows = np.flatnonzero(rows) if rows.dtype.kind == "b" else rows
        lengths = np.empty(len(rows), np.uint32)
        source, data = np.frombuffer(self._data, np.uint8), bytearray()
        starts, ends = self._offsets[:-1], self._offsets[1:]
        for block in blocks(len(rows)):
            some = rows[block]
            start = starts[some].astype(np.int64)
            lengths[block] = length = ends[some] - start
            end = np.cumsum(length)
            within = np.repeat(start - end + length, length)
            within += np.arange(len(within))
            data += source[within].tobytes()
        return StringColumn(data, _offsets(lengths))

    def encoded(self) -> Iterator[bytes | bytearray]:
        """The strings in UTF-8; twice as fast as decoding them."""
        data = self._data
        for block in blocks(len(self)):
            for start, end in pairwise(self._offsets[block.start : block.stop + 1].tolist()):
                yield data[start:end]

    def __iter__(self) -> Iterator[str]:
        for block in blocks(len(self)):
            offsets = self._offsets[block.start : block.stop + 1].tolist()
            data = self._data[offsets[0] : offsets[-1]]
            if data.isascii():  # then the places of characters are those of bytes
                text, first = data.decode(), offsets[0]
                yield from [text[start - first : end - first] for start, end in pairwise(offsets)]
            else:
                yield from (part.decode("utf-8", "surrogateescape") for part in self[block].encoded())

    def update(self, state: Hash) -> None:
        """Feeds the values to a hash."""
        for block in blocks(len(self._offsets)):
            state.update((self._offsets[block].astype(np.int64) - int(self._offsets[0])).tobytes())
        state.update(self.joint())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StringColumn) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type, tuple[bytes, NDArray[np.integer]]]:
        return StringColumn, (bytes(self.joint()), self._offsets - self._offsets[0])


class CategoryColumn(Sequence[str]):
    """Immutable strings of few distinct values.

    Attributes:
        codes: (N,) the index of each row's value, in the narrowest unsigned integers that hold it.
        values: the distinct values, in order of first appearance.
    """

    __slots__ = ("codes", "values")

    def __init__(self, codes: Codes, values: tuple[str, ...]) -> None:
        self.codes = codes
        self.values = values

    @classmethod
    def of(cls, strings: Iterable[str]) -> "CategoryColumn":
        """Codes the strings."""
        column = CategoryBuilder()
        for string in strings:
            column.add(string)
        return column.column()

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: Rows) -> "CategoryColumn": ...
    def __getitem__(self, index: int | Rows) -> "str | CategoryColumn":
        if isinstance(index, (int, np.integer)):
            return self.values[int(self.codes[index])]
        return CategoryColumn(self.codes[index], self.values)

    def __iter__(self) -> Iterator[str]:
        value = self.values.__getitem__
        return chain.from_iterable(map(value, self.codes[block].tolist()) for block in blocks(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CategoryColumn) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type, tuple[Codes, tuple[str, ...]]]:
        # A slice is pickled without values that it does not use.
        used = np.flatnonzero(self._numbers())
        if len(used) == len(self.values):
            return CategoryColumn, (self.codes, self.values)
        place = np.zeros(len(self.values), np.min_scalar_type(len(used)))
        place[used] = np.arange(len(used))
        return CategoryColumn, (place[self.codes], tuple(self.values[code] for code in used.tolist()))

    def update(self, state: Hash) -> None:
        """Feeds the values to a hash."""
        used = [(self.values[code], code) for code in np.flatnonzero(self._numbers()).tolist()]
        used.sort()
        rank = np.zeros(len(self.values), np.int32)
        rank[[code for _, code in used]] = np.arange(len(used))
        state.update(json.dumps([value for value, _ in used]).encode())
        for block in blocks(len(self)):
            state.update(rank[self.codes[block]].tobytes())

    def where(self, value: str) -> NDArray[np.bool_]:
        """(N,) whether each row has this value."""
        if value not in self.values:
            return np.zeros(len(self), bool)
        return np.equal(self.codes, self.values.index(value))

    def counts(self) -> dict[str, int]:
        """Value -> number of rows, for values that occur."""
        numbers = self._numbers().tolist()
        return {value: number for value, number in zip(self.values, numbers, strict=True) if number}

    def replaced(self, changes: Mapping[int, str]) -> "CategoryColumn":
        """The column with changed values in some rows.

        Args:
            changes: row -> its new value.
        """
        if not changes:
            return self
        index = {value: code for code, value in enumerate(self.values)}
        new = [index.setdefault(value, len(index)) for value in changes.values()]
        codes = self.codes.astype(np.min_scalar_type(len(index)))
        codes[list(changes)] = new
        return CategoryColumn(codes, tuple(index))

    def _numbers(self) -> NDArray[np.intp]:
        """(K,) number of rows with each code."""
        numbers = np.zeros(len(self.values), np.intp)
        for block in blocks(len(self), max(BLOCK, len(self.values))):
            numbers += np.bincount(self.codes[block], minlength=len(self.values))
        return numbers


class CategoryBuilder:
    """Builds a `CategoryColumn` incrementally, with codes of 1 byte while there are few values, then of 2 or 4."""

    def __init__(self, rows: int = 0) -> None:
        self.index: dict[str, int] = {"": 0} if rows else {}
        self.codes = array("B", bytes(rows))

    def add(self, value: str, count: int = 1) -> None:
        """Adds a value, perhaps several times."""
        code = self.index.setdefault(value, len(self.index))
        try:
            self.codes.append(code)
        except OverflowError:
            self.codes = array("H" if self.codes.typecode == "B" else "I", self.codes)
            self.codes.append(code)
        if count > 1:
            self.codes.extend(self.codes[-1:] * (count - 1))

    def column(self) -> CategoryColumn:
        """The values so far, as a column; no more can be added."""
        return CategoryColumn(np.asarray(self.codes), tuple(self.index))


class StringBuilder:
    """Builds a `StringColumn` incrementally."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.lengths: array[int] = array("I")

    def add(self, value: str) -> None:
        """Adds a string."""
        encoded = value.encode("utf-8", "surrogateescape")
        self.data += encoded
        self.lengths.append(len(encoded))

    def add_all(self, prefix: str, names: Sequence[str]) -> None:
        """Adds each name behind a prefix."""
        encoded = (prefix + prefix.join(names)).encode("utf-8", "surrogateescape")
        self.data += encoded
        sizes = names if encoded.isascii() else [name.encode("utf-8", "surrogateescape") for name in names]
        self.lengths.extend(map(len(prefix.encode("utf-8", "surrogateescape")).__add__, map(len, sizes)))

    def copy(self) -> "StringBuilder":
        """A copy with the same strings."""
        other = StringBuilder()
        other.data, other.lengths = self.data[:], self.lengths[:]
        return other

    def column(self) -> StringColumn:
        """The strings so far, as a column; no more can be added."""
        return StringColumn(self.data, _offsets(np.asarray(self.lengths)))


def _offsets(lengths: NDArray[Any]) -> NDArray[np.integer]:
    """(N + 1,) the start of each string and the end of the last, in 4 bytes where that suffices."""
    total = int(lengths.sum(dtype=np.int64))
    offsets: NDArray[np.integer] = np.zeros(len(lengths) + 1, np.uint32 if total < 1 << 32 else np.int64)
    np.cumsum(lengths, dtype=offsets.dtype, out=offsets[1:])
    return offsets
