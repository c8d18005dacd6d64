"""Clusters of near-duplicates among the converted images, by the perceptual hash that the audit uses too."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.engines.base import Cursor
from imgprep.perceptual import dct_hashes, near_duplicate_clusters
from imgprep.stages.gather import Shelf
from imgprep.stages.run import Machine, results
from imgprep.stages.statistics import RowsPlan
from imgprep.stages.tables import Images
from imgprep.transforms.channels import to_depth, to_gray

SIDE: Final = 32
DISTANCE: Final = 4
"""Bits in which near-duplicates may differ; the audit's default too."""


@dataclass(frozen=True, slots=True)
class HashJob:
    """Hashes the images of one shard."""

    shelf: Shelf

    def __call__(self, plan: RowsPlan, cursor: Cursor) -> NDArray[np.uint64]:
        """(N,) the hashes of the plan's rows."""
        small = np.empty((len(plan.rows), SIDE, SIDE), np.uint8)
        with self.shelf.opened() as shelf:
            rows = shelf.rows(plan.stage, plan.shard)
            for item, row in enumerate(plan.rows.tolist()):
                cursor.at(item)
                gray = to_depth(to_gray(np.ascontiguousarray(rows[row])), 8)
                cv2.resize(gray, (SIDE, SIDE), dst=small[item], interpolation=cv2.INTER_AREA)
        cursor.done()
        return dct_hashes(small)


def clusters(machine: Machine, images: Images) -> NDArray[np.intp]:
    """(N,) the cluster of each image; images of one cluster look alike."""
    shards = images.manifest.shards
    plans = [RowsPlan(0, index, np.arange(shard.samples)) for index, shard in enumerate(shards) if shard.samples]
    hashes: dict[int, NDArray[np.uint64]] = {}
    for plan, found in results(machine, HashJob(Shelf.of(images)), plans, "near-duplicates", len(images.table)):
        hashes[plan.shard] = found
    together = np.concatenate([hashes[index] for index in sorted(hashes)]) if hashes else np.array([], np.uint64)
    return near_duplicate_clusters(together, DISTANCE)
