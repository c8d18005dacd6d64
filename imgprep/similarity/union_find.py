"""Disjoint sets over the rows of an array, united by the pair."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Index = TypeVar("Index", bound=np.signedinteger)


def unite(first: NDArray[Index], left: NDArray[np.integer], right: NDArray[np.integer]) -> None:
    """Unites the sets of each pair of rows, in place.

    Every pass joins all pairs at once and then halves the paths to the first members, so that a chain through all rows
    takes a few passes, not one per link.

    Args:
        first: (N,) the smallest row of each row's set; changed in place; ``arange(N)`` when every row is a set.
        left: (P,) one row of each pair.
        right: (P,) the other.
    """
    while True:
        a, b = first[left], first[right]
        apart = a != b
        if not apart.any():
            return
        left, right, a, b = left[apart], right[apart], a[apart], b[apart]
        np.minimum.at(first, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(first, above := first[first]):
            first[:] = above
