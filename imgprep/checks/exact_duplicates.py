"""Digests of all pixels, for images that may be duplicates but were measured at a reduced size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.groups import equal_rows
from imgprep.checks.measure import pixel_digest
from imgprep.checks.measure_images import measure
from imgprep.checks.measurements import Measurements
from imgprep.checks.pixel_doubts import doubtful, settled
from imgprep.dataset.manifest import commit
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.chunk_cache import ChunkCache
from imgprep.pipeline.image_loop import Fault, over_images
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.runner import RunContext
from imgprep.table.sample import SampleTable

WHAT: Final = "digests"
_BYTES: Final = 16


class Digested(NamedTuple):
    """The digests of a chunk.

    Attributes:
        there: (N,) whether the image could be decoded.
        digests: (N, 2) uint64 of its pixels.
    """

    there: NDArray[np.bool_]
    digests: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class DigestJob:
    """Digests all pixels of the images of a chunk.

    Attributes:
        reader: of the source.
        cache: the folder where digests are kept.
    """

    reader: ImageReader
    cache: Path

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> Digested:
        """Reads, decodes and digests."""
        found = Digested(np.zeros(len(plan.items), bool), np.zeros((len(plan.items), 2), np.uint64))
        reader = self.reader.reusing_memory()
        loop = over_images(plan.items, plan.excluded, heartbeat, lambda sample: pixel_digest(reader(sample).pixels))
        for item, _, digest in loop:
            if not isinstance(digest, Fault):
                found.digests[item] = np.frombuffer(digest, np.uint64)
                found.there[item] = True
        if found.there.all():
            commit(self.cache / plan.filename, [found.digests.tobytes()], durable=False)
        return found


def measure_exactly(
    context: RunContext, reader: ImageReader, table: SampleTable, *, descriptor: bool = False, what: str = "source"
) -> tuple[SampleTable, Measurements]:
    """As `measure`, and two images have the same digest of pixels exactly when they have the same pixels."""
    table, first = measure(context, reader, table, descriptor=descriptor, what=what)
    return table, compare_exactly(context, reader, table, first, what)


def compare_exactly(
    context: RunContext, reader: ImageReader, table: SampleTable, first: Measurements, what: str
) -> Measurements:
    """Compares all pixels where measurements of reduced images leave open whether two images are equal.

    Args:
        context: where it runs.
        reader: of the source.
        table: what was measured.
        first: what was measured, one row for each row of the table.
        what: the name of these images; those of another name are cached separately.

    Returns:
        The measurements. An image that could not be decoded again counts as equal to files of its bytes only.
    """
    folder = context.workspace.private / WHAT / what
    folder.mkdir(parents=True, exist_ok=True)
    rows = doubtful(first)
    # Of files with the same bytes, one is decoded for all.
    names = equal_rows(first["data"][rows]) if len(rows) else rows
    chosen = rows[np.unique(names)] if len(rows) else rows
    digests = first["data"].astype(np.uint64)
    cache = ChunkCache(folder, _kept, WHAT)
    plans = cache.plans(reader, table[chosen])
    for place, found, _ in cache.results(context, DigestJob(reader, folder), plans):
        part = chosen[place]
        digests[part[found.there]] = found.digests[found.there]
    return settled(first, rows, digests[rows[names]]) if len(rows) else first


def _kept(path: Path, items: int) -> Digested | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) != _BYTES * items:
        return None
    return Digested(np.ones(items, bool), np.frombuffer(data, np.uint64).reshape(-1, 2))
