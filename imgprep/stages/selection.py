"""Which rows of which stage make up each split of the packed dataset, and in which order."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imgprep.columns import StringColumn
from imgprep.rng import rng
from imgprep.stages.tables import Images


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """Rows of finished shards, in the order of the packed dataset.

    Attributes:
        stage: (N,) which of the stages each row comes from.
        number: (N,) the number of the image in its stage.
        place: (N, 2) its shard in the stage, and its row in the shard.
        label: (N,) index of its class.
        id: (N,) its id.
        parent: (N,) the id of its original; '' for an original.
    """

    stage: NDArray[np.int64]
    number: NDArray[np.int64]
    place: NDArray[np.int64]
    label: NDArray[np.int64]
    id: StringColumn
    parent: StringColumn

    @classmethod
    def of(cls, stages: Sequence[Images], rows: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> Self:
        """Picks rows of each stage, one stage after the other."""
        index = {name: code for code, name in enumerate(classes)}
        labels = []
        for images, mine in zip(stages, rows, strict=True):
            codes = np.array([index.get(value, 0) for value in images.table.label.values], np.int64)
            labels.append(codes[images.table.label.codes[mine]])
        pairs = [(images, row) for images, mine in zip(stages, rows, strict=True) for row in mine.tolist()]
        return cls(
            np.repeat(np.arange(len(rows)), [len(mine) for mine in rows]),
            np.concatenate(rows),
            np.concatenate([images.places()[mine] for images, mine in zip(stages, rows, strict=True)]),
            np.concatenate(labels),
            StringColumn.of(images.table.id[row] for images, row in pairs),
            StringColumn.of(images.parents[row] if images.parents else "" for images, row in pairs),
        )

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: slice | NDArray[np.integer]) -> "Picked":
        columns = self.stage[rows], self.number[rows], self.place[rows], self.label[rows]
        return Picked(*columns, self.id[rows], self.parent[rows])

    def digest(self) -> str:
        """A hash of every value that the shard depends on."""
        state = hashlib.blake2b(digest_size=16)
        for array in (self.stage, self.place, self.label):
            state.update(np.ascontiguousarray(array).tobytes())
        self.id.update(state)
        self.parent.update(state)
        return state.hexdigest()

    def shuffled(self, seed: int, split: str) -> "Picked":
        """The same rows in a random order that the seed and the split decide."""
        return self[rng(seed, f"shuffle/{split}").permutation(len(self))]

    def grouped(self, ranges: Sequence[slice]) -> "Picked":
        """The same rows, those of each range sorted by class."""
        order = [np.arange(r.start, r.stop)[np.argsort(self.label[r], kind="stable")] for r in ranges]
        return self[np.concatenate(order) if order else np.array([], np.int64)]


def split_names(named: Sequence[str], augmented: Images | None) -> tuple[str, ...]:
    """The splits of the packed dataset: those of the split stage, then those that only augmentation makes."""
    more = augmented.table.split.counts() if augmented else {}
    return tuple(dict.fromkeys(chain(named, more)))
