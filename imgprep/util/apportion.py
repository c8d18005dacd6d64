"""Proportional apportionment of a number of images to classes."""

import numpy as np
from numpy.typing import NDArray


def apportion(sizes: NDArray[np.integer], total: int, *, one_each: bool = False) -> NDArray[np.int64]:
    """Apportions a number of images to classes by their sizes, by the method of largest remainders.

    Every class is within one image of its exact share, and the sum is exact; of equal remainders the first class gains.

    Args:
        sizes: (K,) images of each class.
        total: images to take, at most the sum of the sizes.
        one_each: give every class with images at least one, at the expense of the largest shares, if the total
            suffices.

    Returns:
        (K,) images to take of each class.

    >>> apportion(np.array([100, 1, 1]), 10).tolist(), apportion(np.array([100, 1, 1]), 10, one_each=True).tolist()
    ([10, 0, 0], [8, 1, 1])
    """
    everything = int(sizes.sum())
    if not everything:
        return np.zeros(len(sizes), np.int64)
    # In integers: 3 of 10 million would otherwise depend on the rounding of a fraction.
    share, remainder = np.divmod(sizes.astype(np.int64) * total, everything)
    order = np.argsort(-remainder, kind="stable")
    share[order[: total - int(share.sum())]] += 1
    if one_each and total >= np.count_nonzero(sizes):
        for poor in np.flatnonzero((share == 0) & (sizes > 0)).tolist():
            share[int(share.argmax())] -= 1
            share[poor] = 1
    return share
