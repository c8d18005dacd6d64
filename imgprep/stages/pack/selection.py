"""The rows of each split of the packed dataset, by stage and in order."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imgprep.pipeline.stage_images import Images
from imgprep.table.columns import StringColumn, blocks
from imgprep.table.targets import Columns
from imgprep.util.rng import rng


@dataclass(frozen=True, slots=True, eq=False)
class SelectedRows:
    """Rows of finished shards in the order of the packed dataset, as sent to a worker.

    Attributes:
        stage: (N,) which of the stages each row comes from.
        place: (N, 2) its shard in the stage, and its row in the shard.
        label: (N,) index of its class.
        id: (N,) its id.
        parent: (N,) the id of its original; '' for an original.
        targets: further columns.
    """

    stage: NDArray[np.integer]
    place: NDArray[np.integer]
    label: NDArray[np.integer]
    id: StringColumn
    parent: StringColumn
    targets: Columns = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.id)

    def columns(self) -> "SelectedRows":
        """The same object; see `Selection.columns`."""
        return self

    def digest(self) -> str:
        """A hash of every value that the shard depends on."""
        state = hashlib.blake2b(digest_size=16)
        for array in (self.stage, self.place, self.label):
            for block in blocks(len(array)):
                state.update(array[block].astype(np.int64).tobytes())
        self.id.update(state)
        self.parent.update(state)
        for values in self.targets.values():
            state.update(np.ascontiguousarray(values).tobytes())
        return state.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The same rows in five bytes each; the columns are built for one shard at a time, when they are needed.

    Pickling turns it into `SelectedRows`.

    Attributes:
        stages: that hold the rows.
        codes: for each stage, the class index of each code of its label column.
        stage: (N,) which of the stages each row comes from.
        number: (N,) the number of the image in its stage.
    """

    stages: tuple[Images, ...]
    codes: tuple[NDArray[np.int64], ...]
    stage: NDArray[np.uint8]
    number: NDArray[np.uint32]

    @classmethod
    def of(cls, stages: Sequence[Images], rows: Sequence[NDArray[np.integer]], classes: Sequence[str]) -> Self:
        """Selects rows of each stage, one stage after the other."""
        index = {name: code for code, name in enumerate(classes)}
        codes = [np.array([index.get(value, 0) for value in images.table.label.values], np.int64) for images in stages]
        stage = np.repeat(np.arange(len(rows), dtype=np.uint8), [len(mine) for mine in rows])
        return cls(tuple(stages), tuple(codes), stage, np.concatenate([mine.astype(np.uint32) for mine in rows]))

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, rows: slice | NDArray[np.integer]) -> "Selection":
        return Selection(self.stages, self.codes, self.stage[rows], self.number[rows])

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        selected = self.columns()
        texts = selected.id, selected.parent
        return SelectedRows, (selected.stage, selected.place, selected.label, *texts, selected.targets)

    def digest(self) -> str:
        """See `SelectedRows.digest`."""
        return self.columns().digest()

    def columns(self) -> SelectedRows:
        """The columns of the rows."""
        place = np.empty((len(self), 2), np.uint32)
        for stage, images in enumerate(self.stages):
            mine = self.stage == stage
            place[mine] = images.places(self.number[mine])
        return SelectedRows(self.stage, place, self.label(), self._texts(_ids), self._texts(_parents), self.targets())

    def _texts(self, column: Callable[[Images, NDArray[np.uint32]], StringColumn]) -> StringColumn:
        """A column of text of the rows."""
        parts = [column(images, self.number[self.stage == stage]) for stage, images in enumerate(self.stages)]
        if len(parts) == 1:
            return parts[0]
        # The parts are in the order of the stages; restore the order of the rows.
        order = np.empty(len(self), np.uint32)
        order[np.argsort(self.stage, kind="stable")] = np.arange(len(self), dtype=np.uint32)
        joined = StringColumn.joined(parts)
        parts.clear()
        return joined[order]

    def label(self) -> NDArray[np.uint32]:
        """(N,) index of the class of each row."""
        label = np.empty(len(self), np.uint32)
        for stage, images in enumerate(self.stages):
            mine = self.stage == stage
            label[mine] = self.codes[stage][images.table.label.codes[self.number[mine]]]
        return label

    def targets(self) -> dict[str, NDArray[Any]]:
        """The columns of targets."""
        found = {}
        for name, like in self.stages[0].table.targets.items():
            found[name] = np.empty((len(self), *like.shape[1:]), like.dtype)
            for stage, images in enumerate(self.stages):
                mine = self.stage == stage
                found[name][mine] = images.table.targets[name][self.number[mine]]
        return found

    def shuffled(self, seed: int, split: str) -> "Selection":
        """The same rows, shuffled by the seed and the name of the split."""
        return self[rng(seed, f"shuffle/{split}").permutation(len(self))]

    def grouped(self, ranges: Sequence[slice]) -> "Selection":
        """The same rows, those of each range sorted by class."""
        order = np.empty(len(self), np.uint32)
        for rows in ranges:
            order[rows] = rows.start + np.argsort(self[rows].label(), kind="stable")
        return self[order]


def _ids(images: Images, numbers: NDArray[np.uint32]) -> StringColumn:
    return images.table.id[numbers]


def _parents(images: Images, numbers: NDArray[np.uint32]) -> StringColumn:
    return StringColumn.blank(len(numbers)) if images.parents is None else images.parents[numbers]


def split_names(named: Sequence[str], augmented: Images | None) -> tuple[str, ...]:
    """The splits of the packed dataset: those of the split stage, then those made only by augmentation."""
    more = augmented.table.split.counts() if augmented else {}
    return tuple(dict.fromkeys(chain(named, more)))
