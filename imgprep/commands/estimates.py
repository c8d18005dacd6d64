"""What a stage would write, known before it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from imgprep.commands.inputs import StageInputs
from imgprep.dataset.manifest import ImageFormat
from imgprep.pipeline.plan import shard_count
from imgprep.pipeline.writer import Storage
from imgprep.stages.split.methods import Assignment
from imgprep.table.sample import SampleTable


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage would write.

    Attributes:
        stage: its name.
        rows: images in each split.
        shards: files.
        bytes: of pixels.
    """

    stage: str
    rows: Mapping[str, int]
    shards: int
    bytes: int


@dataclass(slots=True)
class Outlook:
    """What is known of the stages before they are made; each estimate adds what later ones build upon.

    Attributes:
        inputs: the spec and its source, in a context that writes nothing.
        image: what a converted image looks like.
        assignment: the splits.
        stages: estimated so far, by name.
    """

    inputs: StageInputs
    image: ImageFormat | None = None
    assignment: Assignment | None = None
    stages: dict[str, StageEstimate] = field(default_factory=dict)

    def usable(self) -> SampleTable:
        """The entries of the source that are images as far as its list says."""
        table = self.inputs.collection.table
        return table[np.flatnonzero(table.ok())]


def sized(name: str, rows: Mapping[str, int], image: ImageFormat, storage: Storage) -> StageEstimate:
    """The estimate of a stage that writes images.

    Args:
        name: of the stage.
        rows: images in each split.
        image: what they look like.
        storage: how they are stored.
    """
    row_bytes = int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize
    shards = sum(shard_count(count, row_bytes, storage.shard_size) for count in rows.values())
    return StageEstimate(name, rows, shards, row_bytes * sum(rows.values()))
