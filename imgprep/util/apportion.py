"""Sharing a number of things out to classes by their sizes."""

import numpy as np
from numpy.typing import NDArray


def apportion(sizes: NDArray[np.integer], total: int, *, one_each: bool = False) -> NDArray[np.int64]:
    """Shares a number of images out to classes by their sizes: the method of largest remainders.

    No class is off its exact share by a whole image, and the sum is exact; of equal remainders the first class gains.

    Args:
        sizes: (K,) images of each class.
        total: images to take, at most the sum of the sizes.
        one_each: give every class that has images at least one, at the expense of the largest shares, as far as the
            total suffices.

    Returns:
        (K,) images to take of each class.

    >>> apportion(np.array([100, 1, 1]), 10).tolist(), apportion(np.array([100, 1, 1]), 10, one_each=True).tolist()
    ([10, 0, 0], [8, 1, 1])
    """
    everything = int(sizes.sum())
    if not everything:
        return np.zeros(len(sizes), np.int64)
    # In whole numbers: 3 of 10 million would otherwise depend on how a fraction is rounded.
    share, remainder = np.divmod(sizes.astype(np.int64) * total, everything)
    order = np.argsort(-remainder, kind="stable")
    share[order[: total - int(share.sum())]] += 1
    if one_each and total >= np.count_nonzero(sizes):
        for poor in np.flatnonzero((share == 0) & (sizes > 0)).tolist():
            share[int(share.argmax())] -= 1
            share[poor] = 1
    return share
