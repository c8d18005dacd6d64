"""Which image stands beside which, for what is made of two: an object of one before the background of the other."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import MASKED
from imgprep.dataset.records import usable_records
from imgprep.errors import RequestError
from imgprep.pipeline.stage_images import Images
from imgprep.table.columns import StringColumn
from imgprep.util.rng import uniforms

Keys = Callable[[NDArray[np.int64]], NDArray[np.uint64]]


@dataclass(frozen=True, slots=True, eq=False)
class Donors:
    """The image beside each of some copies, as columns.

    Attributes:
        place: (N, 2) its shard and row.
        id: (N,) its id.
    """

    place: NDArray[np.int64]
    id: StringColumn

    @classmethod
    def of(cls, images: Images, rows: NDArray[np.int64]) -> Self:
        """The columns for numbers of images."""
        return cls(images.places(rows), images.table.id[rows])

    def __getitem__(self, rows: slice) -> "Donors":
        return Donors(self.place[rows], self.id[rows])

    def update(self, state: "hashlib.blake2b") -> None:
        """Feeds every value to a hash."""
        state.update(np.ascontiguousarray(self.place).tobytes())
        self.id.update(state)


@dataclass(frozen=True, slots=True, eq=False)
class DonorPool:
    """Images of which each may stand beside those of the other classes.

    Attributes:
        known: (N,) whether the mask of each image is known, in the circle or not.
        rows: (M,) numbers of the images in the circle, class by class, in each class in an order that the seed and
            their ids alone decide.
        starts: (K + 1,) where each class begins in `rows`.
    """

    known: NDArray[np.bool_]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, members: NDArray[np.bool_], known: NDArray[np.bool_], labels: NDArray[np.int64], key: Keys) -> Self:
        """Forms it.

        Args:
            members: (N,) which images it is formed of; only those with a known mask are.
            known: (N,) whether the mask of each image is known.
            labels: (N,) class of each image.
            key: gives the numbers (M,) by which images (M,) of a class are ordered.

        Raises:
            RequestError: the mask of none is known, or they are all of one class.
        """
        rows = np.flatnonzero(members & known)
        if not len(rows):
            raise RequestError(
                f"none of the {int(members.sum())} test images has a mask that shows an object (white) on a background "
                "(black); check source.masks"
            )
        mine = labels[rows]
        counts = np.bincount(mine, minlength=int(labels.max()) + 1)
        if (counts > 0).sum() == 1:
            raise RequestError(
                f"the {len(rows)} test images whose mask is known are all of one class, but a background comes from "
                "another class; give more masks"
            )
        return cls(known, rows[np.lexsort((key(rows), mine))], np.concatenate([[0], np.cumsum(counts)]))

    def donor(self, label: int, share: float) -> int:
        """The number of an image of another class than this: that at a share, from 0 to 1, of the way through them."""
        start, stop = int(self.starts[label]), int(self.starts[label + 1])
        place = int(share * (len(self.rows) - (stop - start)))
        return int(self.rows[place if place < start else place + stop - start])


def share_of(seed: int, id_: str, recipe: str, copy: int) -> float:
    """What decides who stands beside a copy: a number of [0, 1) for the seed, the parent, the recipe and the copy."""
    return uniforms(seed, f"{id_}#{recipe}#donor", copy)()


def masked(folder: Path) -> NDArray[np.bool_]:
    """(N,) whether the mask of each usable image of a stage is known."""
    return np.fromiter((MASKED in record.flags for record in usable_records(folder)), bool)
