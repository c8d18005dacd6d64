"""Columns of numbers in a temporary file, for millions of images when only one column at a time fits in memory.

The file has no name (or loses it at once), so that it disappears with the process, however that ends.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, overload
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import ResourceError
from imgprep.table.columns import Rows, blocks

BLOCK_BYTES: Final = 1 << 20
PREFIX: Final = ".tmp-"
"""Prefix of the file's name where it needs one; such files are removed after a crash."""


class _Sentinel:
    """Closes the file with its last view."""


class ColumnFile:
    """Records of fixed size, stored by column; indexing by name reads a column, indexing by rows gives a view.

    Args:
        folder: for the file.
        dtype: structured; a column may hold a small array per row.
        rows: N; zeros until written.

    Raises:
        ResourceError: the disk is full.
    """

    def __init__(self, folder: Path, dtype: np.dtype[Any], rows: int) -> None:
        self.dtype = dtype
        self._folder = folder
        self._length = rows
        self._chosen: NDArray[np.integer] | None = None
        names = dtype.names or ()
        ends = np.cumsum([0, *(dtype[name].itemsize * rows for name in names)]).tolist()
        self._starts = dict(zip(names, ends, strict=False))
        try:
            self._file = tempfile.TemporaryFile(buffering=0, prefix=PREFIX, dir=folder)  # noqa: SIM115  lives as long
            self._sentinel = _Sentinel()  # shared by all views
            finalize(self._sentinel, self._file.close)
            self._file.truncate(ends[-1])
        except OSError as error:
            raise self._failure(error) from error

    @classmethod
    def joined(cls, parts: "Iterable[ColumnFile]") -> "ColumnFile":
        """Concatenates files of one dtype."""
        parts = list(parts)
        whole = cls(parts[0]._folder, parts[0].dtype, sum(map(len, parts)))
        start = 0
        for part in parts:
            for block in blocks(len(part)):
                whole.write(start + block.start, part[block].records())
            start += len(part)
        return whole

    def write(self, start: int, rows: NDArray[np.void]) -> None:
        """Writes (M,) records from row `start` on.

        Raises:
            ResourceError: the disk is full.
        """
        for name in self._starts:
            self.write_column(name, rows[name], start)

    def write_column(self, name: str, values: NDArray[Any], start: int = 0) -> None:
        """Writes the values of one column from row `start` on.

        Raises:
            ResourceError: the disk is full.
        """
        data = np.ascontiguousarray(values, self.dtype[name].base).reshape(-1).view(np.uint8).data
        try:
            self._file.seek(self._starts[name] + start * self.dtype[name].itemsize)
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise self._failure(error) from error

    def __len__(self) -> int:
        return self._length if self._chosen is None else len(self._chosen)

    @overload
    def __getitem__(self, index: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: Rows) -> "ColumnFile": ...
    def __getitem__(self, index: "str | Rows") -> "NDArray[Any] | ColumnFile":
        if isinstance(index, str):
            return self._column(index)
        view = object.__new__(ColumnFile)
        view.__dict__ = dict(self.__dict__)
        if isinstance(index, slice):
            rows: NDArray[np.integer] = np.arange(len(self))[index]
        else:
            rows = np.flatnonzero(index) if index.dtype.kind == "b" else index.astype(np.intp, copy=False)
        view._chosen = rows if self._chosen is None else self._chosen[rows]
        return view

    def records(self) -> NDArray[np.void]:
        """All columns of all rows, in memory."""
        found = np.empty(len(self), self.dtype)
        for name in self._starts:
            found[name] = self[name]
        return found

    def _column(self, name: str) -> NDArray[Any]:
        if self._chosen is None:
            return self._read(name, 0, self._length)
        found = np.empty(len(self._chosen), self.dtype[name])
        ascending = bool(np.all(self._chosen[1:] >= self._chosen[:-1]))
        order = None if ascending else np.argsort(self._chosen, kind="stable")
        rows = self._chosen if order is None else self._chosen[order]
        first = 0
        while first < len(rows):
            # Read one block from the next wanted row on, including unwanted rows in between.
            start = int(rows[first])
            stop = min(self._length, start + max(1, BLOCK_BYTES // self.dtype[name].itemsize))
            last = int(np.searchsorted(rows, stop))
            block = self._read(name, start, int(rows[last - 1]) + 1)
            found[slice(first, last) if order is None else order[first:last]] = block[rows[first:last] - start]
            first = last
        return found

    def _read(self, name: str, start: int, stop: int) -> NDArray[Any]:
        kind = self.dtype[name]
        found = np.empty(stop - start, kind)
        data = found.reshape(-1).view(np.uint8).data
        self._file.seek(self._starts[name] + start * kind.itemsize)
        while data:
            data = data[self._file.readinto(data) or len(data) :]
        return found

    def _failure(self, error: OSError) -> ResourceError:
        return ResourceError(f"{self._folder}: cannot write: {error.strerror or error}; free the space or permission")
