"""Evidence from the features of a network: images that it sees apart from the others, or alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 512
"""Rows that are compared with all others at a time."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class NetworkFeatures:
    """The features of images.

    Attributes:
        rows: (M,) the images, by their rows in the table of the evidence, ascending.
        values: (M, D) what the network says of each.
    """

    rows: NDArray[np.intp]
    values: Floats

    @cached_property
    def directions(self) -> Floats:
        """(M, D) the values less their mean, of length 1; 0 for an image that is the mean.

        Networks give numbers that are all positive: without the mean all images would point one way.
        """
        away = self.values - self.values.mean(axis=0, dtype=np.float64)
        lengths = np.sqrt((away * away).sum(axis=1, keepdims=True))
        found: Floats = np.divide(away, lengths, out=np.zeros_like(away), where=lengths > 0).astype(np.float32)
        return found

    def distances(self, members: NDArray[np.intp], neighbours: int) -> NDArray[np.float64]:
        """The mean cosine distance of images to their nearest neighbours among themselves.

        Args:
            members: (C,) positions in `rows`.
            neighbours: how many, fewer than C.

        Returns:
            (C,) 0 to 2.
        """
        found = np.empty(len(members))
        mine = self.directions[members]
        for start in range(0, len(members), BLOCK):
            near = mine[start : start + BLOCK] @ mine.T
            near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf  # not the image itself
            best = np.partition(near, -neighbours, axis=1)[:, -neighbours:]
            found[start : start + BLOCK] = 1 - best.mean(axis=1, dtype=np.float64)
        return found

    def alike(self, least: float) -> Iterator[tuple[int, int]]:
        """Pairs of images whose features point the same way.

        Args:
            least: cosine from which on they do.

        Yields:
            Positions in `rows`, the smaller first, in order.
        """
        for start in range(0, len(self.rows), BLOCK):
            near = self.directions[start : start + BLOCK] @ self.directions[start:].T
            for one, other in np.argwhere(np.triu(near >= least, 1)).tolist():
                yield start + one, start + other
