"""Chooses the second image (the donor) for copies made from two: the object of one before the background of another."""

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
    """The donors of copies, as columns.

    Attributes:
        place: (N, 2) shard and row of each donor.
        id: (N,) id of each donor.
    """

    place: NDArray[np.int64]
    id: StringColumn

    @classmethod
    def of(cls, images: Images, rows: NDArray[np.int64]) -> Self:
        """The columns for (N,) numbers of images."""
        return cls(images.places(rows), images.table.id[rows])

    def __getitem__(self, rows: slice) -> "Donors":
        return Donors(self.place[rows], self.id[rows])

    def update(self, state: "hashlib.blake2b") -> None:
        """Feeds every value to a hash."""
        state.update(np.ascontiguousarray(self.place).tobytes())
        self.id.update(state)


@dataclass(frozen=True, slots=True, eq=False)
class DonorPool:
    """The images that may be donors for images of other classes.

    Attributes:
        known: (N,) whether each image has a mask, in the pool or not.
        rows: (M,) numbers of the images in the pool, by class, and within a class in an order that depends only on the
            seed and the ids.
        starts: (K + 1,) where each class begins in `rows`.
    """

    known: NDArray[np.bool_]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, members: NDArray[np.bool_], known: NDArray[np.bool_], labels: NDArray[np.int64], key: Keys) -> Self:
        """Forms the pool from the members that have a mask.

        Args:
            members: (N,) which images may be in the pool.
            known: (N,) whether each image has a mask.
            labels: (N,) class of each image.
            key: maps (M,) image numbers to the (M,) keys that order the images of a class.

        Raises:
            RequestError: no member has a mask, or all that have one are of one class.
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
                f"the {len(rows)} test images with a mask are all of one class, but a background comes from "
                "another class; give more masks"
            )
        return cls(known, rows[np.lexsort((key(rows), mine))], np.concatenate([[0], np.cumsum(counts)]))

    def donor(self, label: int, share: float) -> int:
        """The number of an image of another class: the one at a share, 0 to 1, of the way through those images."""
        start, stop = int(self.starts[label]), int(self.starts[label + 1])
        place = int(share * (len(self.rows) - (stop - start)))
        return int(self.rows[place if place < start else place + stop - start])


def share_of(seed: int, id_: str, recipe: str, copy: int) -> float:
    """A number in [0, 1) that chooses the donor of a copy; depends on seed, parent, recipe and copy number."""
    return uniforms(seed, f"{id_}#{recipe}#donor", copy)()


def masked(folder: Path) -> NDArray[np.bool_]:
    """(N,) whether each usable image of a stage has a mask."""
    return np.fromiter((MASKED in record.flags for record in usable_records(folder)), bool)
