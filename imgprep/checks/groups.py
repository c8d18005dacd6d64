"""Rows of a table: those that share something, and those of given ids."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


def equal_rows(values: NDArray[np.generic]) -> Rows:
    """(N,) for each row of an (N, ...) array the index of the first equal row."""
    if not values.size:
        return np.arange(len(values), dtype=np.intp)
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    keys = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first[inverse].astype(np.intp)


def clusters(names: NDArray[np.integer]) -> Iterator[Rows]:
    """The positions of each name that occurs more than once, in order of first occurrence."""
    order = np.argsort(names, kind="stable")
    starts = np.flatnonzero(np.diff(names[order], prepend=-1))
    sizes = np.diff(starts, append=len(names))
    several = sizes > 1
    for start, size in zip(starts[several].tolist(), sizes[several].tolist(), strict=True):
        yield order[start : start + size]


def rows_of(known: Sequence[str], ids: Sequence[str]) -> Rows:
    """(M,) the row of each of some ids in a column of ids, -1 for those that it does not hold."""
    index = dict.fromkeys(ids, -1)
    for row, name in enumerate(known):
        if name in index:
            index[name] = row
    return np.array([index[name] for name in ids], np.intp)
