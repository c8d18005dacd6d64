"""Fits the normalisation to sums over the training images: one pass, never all images in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.engines.base import Heartbeat, WholePlan
from imgprep.pipeline.runner import RunContext, results
from imgprep.shards.shard_set import ShardSet
from imgprep.stages.pack.selection import Selection
from imgprep.transforms.moments import Moments
from imgprep.transforms.normalize import FITTED, PER_POSITION, Kind, Normalizer, fit_normalizer

BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class RowsPlan(WholePlan):
    """Rows of one shard; no row of a finished shard may be left out.

    Attributes:
        shard: its number in the set of shards.
        rows: (N,) the rows, ascending.
    """

    shard: int
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SumJob:
    """Sums the rows of a plan.

    Attributes:
        shards: that hold the rows.
        per_pixel: whether to sum each position separately too.
    """

    shards: ShardSet
    per_pixel: bool

    def __call__(self, plan: RowsPlan, heartbeat: Heartbeat) -> Moments:
        """Sums over the plan's rows."""
        with self.shards.opened(1) as shards:
            rows = shards[plan.shard].images
            block = max(1, BLOCK_BYTES // (int(np.prod(rows.shape[1:])) * rows.dtype.itemsize))
            parts = []
            for start in range(0, len(plan.rows), block):
                heartbeat.at(start)
                images = np.stack([rows[row] for row in plan.rows[start : start + block].tolist()])
                parts.append(Moments.of(images, per_pixel=self.per_pixel))
            heartbeat.done()
        return Moments.merged(parts)


def fitted(
    context: RunContext, shards: ShardSet, train: Selection | None, wanted: tuple[Kind, str], depth: int
) -> tuple[Normalizer, dict[str, Any]]:
    """Fits the normaliser of a dataset.

    Args:
        context: of the run.
        shards: of the originals, then of their copies.
        train: the training images; None when there are none.
        wanted: the kind of normalisation, and ``originals`` or ``all``: whether copies count in the statistics.
        depth: bits per value.

    Returns:
        (normaliser, members of ``normalization`` in dataset.json about the images behind its statistics; empty where it
        has none).

    Raises:
        RequestError: it needs statistics, but there are no training images.
    """
    kind, statistics = wanted
    if kind not in FITTED:
        return fit_normalizer(kind, None, depth), {}
    if train is not None and statistics == "originals":
        train = train[train.stage == 0]
    moments = training_moments(context, shards, train, kind in PER_POSITION)
    normalizer = fit_normalizer(kind, moments, depth)
    return normalizer, {"statistics": statistics, "images": 0 if moments is None else moments.images}


def training_moments(context: RunContext, shards: ShardSet, train: Selection | None, per_pixel: bool) -> Moments | None:
    """Sums over the training images: whole numbers, so that the order of addition does not matter."""
    if train is None or not len(train):
        return None
    plans = list(_plans(train))
    found = results(context, SumJob(shards, per_pixel), plans, "statistics", len(plans), "shards")
    return Moments.merged(moments for _, moments in found)


def _plans(train: Selection) -> Iterator[RowsPlan]:
    first_shard = 0
    for stage, images in enumerate(train.stages):
        numbers = np.sort(train.number[train.stage == stage])
        starts = images.starts()
        for shard, (first, last) in enumerate(pairwise(np.searchsorted(numbers, starts).tolist())):
            if last > first:
                yield RowsPlan(first_shard + shard, numbers[first:last] - starts[shard])
        first_shard += len(starts) - 1
