"""Columns of strings: the memory of millions of samples' metadata.

A column of strings is one buffer of UTF-8 and one array of offsets; a column of few distinct values is one array of
codes and one list of the values. Ten million samples then need about a gigabyte, not ten.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Protocol, overload

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 65536


class Hash(Protocol):
    """A hash that is being computed."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Takes in more bytes."""
        ...


Rows = slice | NDArray[np.integer]


class StringColumn(Sequence[str]):
    """Immutable strings in one buffer; surrogates (undecodable file names) survive."""

    __slots__ = ("_data", "_offsets")

    def __init__(self, data: bytes | bytearray, offsets: NDArray[np.int64]) -> None:
        self._data = data
        self._offsets = offsets

    @classmethod
    def of(cls, strings: Iterable[str]) -> "StringColumn":
        """Packs the strings."""
        column = StringBuilder()
        for string in strings:
            column.add(string)
        return column.column()

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
            offsets = self._offsets[start : max(start, stop) + 1]
            return StringColumn(self._data[int(offsets[0]) : int(offsets[-1])], offsets - offsets[0])
        return self._gathered(np.arange(len(self))[index])

    def _gathered(self, rows: NDArray[np.intp]) -> "StringColumn":
        start = self._offsets[rows]
        length = self._offsets[rows + 1] - start
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(length, out=offsets[1:])
        source, parts = np.frombuffer(self._data, np.uint8), []
        for block in range(0, len(rows), BLOCK):
            some = slice(block, block + BLOCK)
            within = np.repeat(start[some] - offsets[:-1][some], length[some])
            parts.append(source[within + np.arange(offsets[block], offsets[block] + len(within))].tobytes())
        return StringColumn(b"".join(parts), offsets)

    def encoded(self) -> Iterator[bytes | bytearray]:
        """The strings in UTF-8; twice as fast as decoding them."""
        data = self._data
        for start, end in pairwise(self._offsets.tolist()):
            yield data[start:end]

    def __iter__(self) -> Iterator[str]:
        data, offsets = self._data, self._offsets.tolist()
        for start, end in pairwise(offsets):
            yield data[start:end].decode("utf-8", "surrogateescape")

    def update(self, state: Hash) -> None:
        """Feeds the values to a hash."""
        state.update((self._offsets - self._offsets[0]).tobytes())
        state.update(memoryview(self._data)[int(self._offsets[0]) : int(self._offsets[-1])])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StringColumn) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type, tuple[bytes, NDArray[np.int64]]]:
        return StringColumn, (bytes(self._data), self._offsets)


class CategoryColumn(Sequence[str]):
    """Immutable strings of few distinct values.

    Attributes:
        codes: (N,) int32, the index of each row's value.
        values: the distinct values, in order of first appearance.
    """

    __slots__ = ("codes", "values")

    def __init__(self, codes: NDArray[np.int32], values: tuple[str, ...]) -> None:
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
        return map(self.values.__getitem__, self.codes.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CategoryColumn) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def update(self, state: Hash) -> None:
        """Feeds the values to a hash."""
        codes, rows = np.unique(self.codes, return_inverse=True)
        values = [self.values[code] for code in codes.tolist()]
        order = sorted(range(len(values)), key=values.__getitem__)
        rank = np.zeros(len(values), np.int32)
        rank[order] = np.arange(len(values))
        state.update(json.dumps([values[position] for position in order]).encode())
        state.update(rank[rows].tobytes())

    def where(self, value: str) -> NDArray[np.bool_]:
        """(N,) whether each row has this value."""
        code = self.values.index(value) if value in self.values else -1
        return np.equal(self.codes, code)

    def counts(self) -> dict[str, int]:
        """How many rows each value has, values without rows left out."""
        numbers = np.bincount(self.codes, minlength=len(self.values)).tolist()
        return {value: number for value, number in zip(self.values, numbers, strict=True) if number}


class CategoryBuilder:
    """Codes values as they come, in 4 bytes a row."""

    def __init__(self, rows: int = 0) -> None:
        self.index: dict[str, int] = {"": 0} if rows else {}
        self.blocks: list[NDArray[np.int32]] = [np.zeros(rows, np.int32)]
        self.codes: list[int] = []

    def add(self, value: str) -> None:
        """Takes one more value."""
        self.codes.append(self.index.setdefault(value, len(self.index)))
        if len(self.codes) == BLOCK:
            self.flush()

    def flush(self) -> None:
        """Moves the codes of the current block into an array."""
        self.blocks.append(np.array(self.codes, np.int32))
        self.codes.clear()

    def column(self) -> CategoryColumn:
        """The values so far, as a column."""
        self.flush()
        return CategoryColumn(np.concatenate(self.blocks), tuple(self.index))


class StringBuilder:
    """Packs strings as they come."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.blocks: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self.ends: list[int] = []

    def add(self, value: str) -> None:
        """Takes one more string."""
        self.data += value.encode("utf-8", "surrogateescape")
        self.ends.append(len(self.data))
        if len(self.ends) == BLOCK:
            self.flush()

    def flush(self) -> None:
        """Moves the offsets of the current block into an array."""
        self.blocks.append(np.array(self.ends, np.int64))
        self.ends.clear()

    def column(self) -> StringColumn:
        """The strings so far, as a column."""
        self.flush()
        return StringColumn(self.data, np.concatenate(self.blocks))
