"""Estimates of the output of stages before they run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from imgprep.dataset.row_format import FeatureFormat, ImageFormat
from imgprep.pipeline.inputs import StageInputs
from imgprep.pipeline.plan import shard_count
from imgprep.pipeline.storage import Storage
from imgprep.table.sample import SampleTable


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """The estimated output of one stage.

    Attributes:
        stage: its name.
        rows: split -> number of images.
        shards: number of files.
        bytes: size of the pixels in bytes.
        result: what is known of the result already and later estimates build upon, such as an `ImageFormat`.
    """

    stage: str
    rows: Mapping[str, int]
    shards: int
    bytes: int
    result: Any = None


@dataclass(slots=True)
class Outlook:
    """The estimates so far; each stage adds what later ones build upon.

    Attributes:
        inputs: the spec and its source, in a context that writes nothing.
        stages: estimated so far, by name.
    """

    inputs: StageInputs
    stages: dict[str, StageEstimate] = field(default_factory=dict)

    def usable(self) -> SampleTable:
        """The entries of the source with the status ``ok`` after listing."""
        table, _ = self.inputs.collection.dataset()
        return table[np.flatnonzero(table.ok())]


def sized(
    name: str,
    rows: Mapping[str, int],
    row: ImageFormat | FeatureFormat,
    storage: Storage,
    count: Callable[[int], int] | None = None,
) -> StageEstimate:
    """The estimate of a stage that writes images, or their features.

    Args:
        name: of the stage.
        rows: split -> number of images.
        row: their format.
        storage: format and size of the shards.
        count: number of rows -> number of their shards; None for that of images, by their size.
    """
    row_bytes = int(np.prod(row.shape)) * np.dtype(row.dtype).itemsize
    by_size = partial(shard_count, row_bytes=row_bytes, shard_size=storage.shard_size)
    shards = sum(map(count or by_size, rows.values()))
    return StageEstimate(name, rows, shards, row_bytes * sum(rows.values()), row)
