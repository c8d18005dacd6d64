"""Clusters of near-duplicates among the converted images, by the same definition as the audit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.engines.base import Heartbeat
from imgprep.pipeline.image_loop import counted
from imgprep.pipeline.runner import RunContext, results
from imgprep.pipeline.stage_images import Images
from imgprep.shards.shard_set import ShardSet
from imgprep.similarity.alike import DISTANCE, alike, altered_copies
from imgprep.similarity.phash import dct_hashes
from imgprep.similarity.variants import SIDE
from imgprep.stages.pack.statistics import RowsPlan
from imgprep.table.column_file import ColumnFile
from imgprep.table.columns import blocks
from imgprep.transforms.channels import to_depth, to_gray

ROWS: Final = 2048
"""Images reduced per plan; the worker returns 1 KiB for each."""
_SMALL: Final = "small"
_KIND: Final = np.dtype([(_SMALL, np.uint8, (SIDE, SIDE))])


@dataclass(frozen=True, slots=True)
class ReduceJob:
    """Reduces the images of one shard to 32x32 pixels of luminance.

    Attributes:
        shards: of the convert stage.
    """

    shards: ShardSet

    def __call__(self, plan: RowsPlan, heartbeat: Heartbeat) -> NDArray[np.uint8]:
        """(N, 32, 32) uint8, the plan's rows reduced."""
        small = np.empty((len(plan.rows), SIDE, SIDE), np.uint8)
        with self.shards.opened(1) as shards:
            rows = shards[plan.shard].images
            for item, row in counted(plan.rows.tolist(), heartbeat):
                gray = to_depth(to_gray(np.ascontiguousarray(rows[row])), 8)
                cv2.resize(gray, (SIDE, SIDE), dst=small[item], interpolation=cv2.INTER_AREA)
        return small


class _Small:
    """The reduced images, stored in a file."""

    def __init__(self, file: ColumnFile) -> None:
        self._file = file

    def __len__(self) -> int:
        return len(self._file)

    def __getitem__(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        small: NDArray[np.uint8] = self._file[rows][_SMALL]
        return small


def clusters(context: RunContext, images: Images) -> NDArray[np.integer]:
    """(N,) the cluster of each image; images of one cluster look alike."""
    sizes = [shard.samples for shard in images.manifest.shards]
    starts = np.cumsum([0, *sizes]).tolist()
    file = ColumnFile(context.workspace.private, _KIND, starts[-1])
    hashes = np.zeros(starts[-1], np.uint64)
    job = ReduceJob(images.shards())
    for plan, found in results(context, job, _plans(sizes), "near-duplicates", starts[-1]):
        start = starts[plan.shard] + int(plan.rows[0])
        file.write_column(_SMALL, found, start)
        hashes[start : start + len(found)] = dct_hashes(found)
    if not len(file):
        return np.array([], np.intp)
    joined = alike(hashes, altered_copies(_Small(file), hashes, np.arange(len(hashes))))
    if joined.distance < DISTANCE:
        near = f"hashes within {joined.distance} of 64 bits" if joined.distance else "equal hashes"
        context.monitor.note(f"split.near_duplicates: unrelated images look alike; only {near} are kept together")
    return joined.clusters


def _plans(sizes: list[int]) -> Iterator[RowsPlan]:
    """Plans of a bounded number of rows, shard by shard."""
    for shard, size in enumerate(sizes):
        for rows in blocks(size, ROWS):
            yield RowsPlan(shard, np.arange(rows.start, rows.stop))
