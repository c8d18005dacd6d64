"""What a stage would write, known before it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgprep.dataset.manifest import ImageFormat
from imgprep.pipeline.inputs import StageInputs
from imgprep.pipeline.plan import shard_count
from imgprep.pipeline.storage import Storage
from imgprep.table.sample import SampleTable


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage would write.

    Attributes:
        stage: its name.
        rows: images in each split.
        shards: files.
        bytes: of pixels.
        result: what is known of the result already and later estimates build upon, such as an `ImageFormat`.
    """

    stage: str
    rows: Mapping[str, int]
    shards: int
    bytes: int
    result: Any = None


@dataclass(slots=True)
class Outlook:
    """What is known of the stages before they are made; each estimate adds what later ones build upon.

    Attributes:
        inputs: the spec and its source, in a context that writes nothing.
        stages: estimated so far, by name.
    """

    inputs: StageInputs
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
    return StageEstimate(name, rows, shards, row_bytes * sum(rows.values()), image)
