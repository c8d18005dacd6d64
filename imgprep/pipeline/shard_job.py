"""The common part of jobs that make the shards of a stage."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.row_format import IMAGE
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.plan import I, ShardPlan, ShardRecord
from imgprep.pipeline.writer import ShardWriter
from imgprep.shards.base import text_array
from imgprep.util.checksum import crc32


class ShardJob(Generic[I]):
    """A job that makes one shard, unless the journal lists it and its files are as they were written.

    Attributes:
        writer: writes the shard.
    """

    __slots__ = ()

    writer: ShardWriter

    def __call__(self, plan: ShardPlan[I], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard; see `make`."""
        finished = self.writer.finished(plan)
        return self.make(plan, heartbeat) if finished is None else finished

    @abstractmethod
    def make(self, plan: ShardPlan[I], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard of a plan."""


def columns(
    rows: NDArray[Any],
    labels: NDArray[Any],
    ids: Iterable[str],
    parents: Iterable[str],
    *,
    array: str = IMAGE,
    checksums: Sequence[int] | None = None,
) -> dict[str, NDArray[Any]]:
    """The columns of the flat layout, with a checksum of each row.

    Args:
        rows: (N, H, W, C) images or (N, D) features, C-contiguous.
        labels: (N,) or (N, K).
        ids: N ids.
        parents: N ids of originals, '' for an original itself.
        array: the name of the rows.
        checksums: N of the rows; None where they are not known.
    """
    return {
        array: rows,
        "label": labels,
        "id": text_array(ids),
        "parent": text_array(parents),
        "checksum": np.array([crc32(row) for row in rows] if checksums is None else checksums, np.uint32),
    }


def record_of(plan: ShardPlan[Any], labels: NDArray[np.integer], classes: Sequence[str]) -> ShardRecord:
    """The record of a shard of usable images before it is written.

    Args:
        plan: of the shard.
        labels: (N,) the class of each image, by index.
        classes: in index order.
    """
    counts = dict(Counter(classes[code] for code in labels.tolist()))
    return ShardRecord(plan.filename, plan.split, len(labels), counts=counts)
