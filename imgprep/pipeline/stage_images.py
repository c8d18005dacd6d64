"""The images of a finished stage, read back as columns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import SAMPLES, Manifest
from imgprep.dataset.record_columns import read_columns
from imgprep.dataset.shards import shards_of
from imgprep.dataset.targets import described_targets, read_target_columns
from imgprep.errors import RequestError
from imgprep.shards.shard_set import ShardSet
from imgprep.table.columns import StringColumn
from imgprep.table.sample import SampleTable
from imgprep.table.targets import Target

OPEN_SHARDS: Final = 32
"""Number of shards of earlier stages that a worker keeps open."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a finished stage.

    Attributes:
        folder: of the stage.
        manifest: its index.
        table: its usable images, in the order of their rows in the shards, with the columns of targets.
        parents: (N,) the id of each row's original, '' for an original; None when all are originals.
    """

    folder: Path
    manifest: Manifest
    table: SampleTable
    parents: StringColumn | None = None

    def places(self, numbers: NDArray[np.integer]) -> NDArray[np.int64]:
        """(M, 2) the shard and the row in it of each image number."""
        starts = self.starts()
        shard = np.searchsorted(starts[1:], numbers, side="right")
        return np.stack([shard, numbers - starts[shard]], axis=1)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets that its table has columns of."""
        return described_targets(self.manifest.targets)

    def shards(self) -> ShardSet:
        """Its shards, none of them open."""
        return shards_of(self.folder, self.manifest)

    def starts(self) -> NDArray[np.int64]:
        """(S + 1,) the number of the first image in each shard, and the total."""
        return np.cumsum([0, *(shard.samples for shard in self.manifest.shards)], dtype=np.int64)


def read_images(folder: Path, manifest: Manifest) -> Images:
    """Reads the usable images of a stage from its samples.jsonl, and their targets from its shards.

    Raises:
        RequestError: it contradicts the index.
        SourceError: a shard is damaged.
    """
    table, parents = read_columns(folder)
    rows = sum(shard.samples for shard in manifest.shards)
    if manifest.shards and rows != len(table):
        raise RequestError(
            f"{folder / SAMPLES}: {len(table)} usable images, but {rows} in the shards; run the stage with --force"
        )
    if targets := described_targets(manifest.targets):
        table = table.with_columns(targets=read_target_columns(targets, shards_of(folder, manifest)))
    return Images(folder, manifest, table, parents)
