"""The rows of several arrays in sequence: those of the groups of a shard."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from imgprep.shards.base import Rows


class _Stack:
    """Arrays concatenated without copying them."""

    __slots__ = ("_parts", "_starts", "dtype", "shape")

    def __init__(self, parts: Sequence[Rows]) -> None:
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


def held_bytes(rows: Rows) -> int:
    """The bytes of rows that lie in memory; 0 for those that are read on access."""
    if isinstance(rows, _Stack):
        return sum(map(held_bytes, rows._parts))
    return rows.nbytes if isinstance(rows, np.ndarray) else 0


def stacked(parts: Sequence[Rows]) -> Rows:
    """Concatenates arrays with rows of one shape; returns a single array unchanged."""
    return parts[0] if len(parts) == 1 else _Stack(parts)
