"""One visit to the images for audit and convert: what `imgprep run` makes where convert was never made before.

A visit changes nothing but the time: the audit then finds its measurements in its cache, and convert its shards
finished, to be committed in their turn. Where that cannot be promised there is none, and both go their own way.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.measure_images import WHAT as AUDIT
from imgprep.checks.measure_images import MeasureJob, chunks_of
from imgprep.checks.measured_chunks import MeasuredChunks
from imgprep.checks.measurements import FULL_ROW, ROW
from imgprep.commands.pipeline import Pipeline
from imgprep.commands.session import workers_of
from imgprep.dataset.manifest import INDEX
from imgprep.errors import ImgprepError
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.runner import RunContext, make_ahead, results
from imgprep.stages import STAGES
from imgprep.stages.convert.measured import MeasuredConvertJob, MeasuredPlan
from imgprep.stages.convert.stage import STAGE, Conversion
from imgprep.table.sample import SampleTable

WHAT = f"{AUDIT}-and-{STAGE}"
SOURCE = "source"
_FEW = 1024
"""Images that one worker measures before others could have started."""
_LARGEST = 16 << 20
"""Bytes of the measurements of a shard that a worker holds and sends."""
_TOGETHER = 256
"""Images of a plan that are measured only."""


def visit(context: RunContext, pipeline: Pipeline, candidates: SampleTable, *, descriptor: bool) -> None:
    """Measures and converts the images of a source, each read once, where neither has been done.

    Args:
        context: where it runs; what was made is in its ``ahead``.
        pipeline: of the spec.
        candidates: what the audit is about to measure: the source without decisions.
        descriptor: whether the descriptors for suspects of wrong labels are measured too.
    """
    work = STAGES[STAGE].definition().work(pipeline) if _is_new(context) else None
    if not isinstance(work, Conversion):
        return
    reader = pipeline.collection.reader
    memory, plans = chunks_of(context, reader, candidates, descriptor=descriptor, what=SOURCE)
    wanted = [plan.index for plan in plans if memory.known(context, plan) is None]
    chunks = MeasuredChunks(memory.folder, plans, wanted, FULL_ROW if descriptor else ROW)
    if not wanted:
        return
    try:
        _convert(context, work, chunks, workers_of(pipeline.loaded), descriptor=descriptor)
        others = np.flatnonzero(chunks.rows() & ~work.table.ok())
        if context.ahead.shards:
            _measure(context, MeasureJob(reader, None, descriptor), candidates, others, chunks)
    except ImgprepError as error:
        # The one whom it concerns meets it again in its turn: an audit needs no size that all images share.
        if error.exit_code == 2:
            refuse(context)
    finally:
        context.ahead.chunks.update(chunks.written)


def refuse(context: RunContext) -> None:
    """Removes what was made ahead of the stages."""
    for stage in context.ahead.stages:
        context.workspace.discard(stage)
    context.ahead.stages.clear()
    context.ahead.shards.clear()


def _is_new(context: RunContext) -> bool:
    """Whether nothing of convert can be lost by a run that its audit ends, but shards of an interrupted one."""
    workspace = context.workspace
    made = workspace.state(STAGE) is not None or (workspace.stage(STAGE) / INDEX).exists()
    return not made and not workspace.part_journals(STAGE)


def _measure(
    context: RunContext, job: MeasureJob, table: SampleTable, rows: NDArray[np.intp], chunks: MeasuredChunks
) -> None:
    """Measures images that decisions leave out, which convert does not read."""
    parts = [rows[start : start + _TOGETHER] for start in range(0, len(rows), _TOGETHER)]
    plans = [ShardPlan(index, f"{AUDIT}-{index}", None, table[part], "") for index, part in enumerate(parts)]
    for plan, found in results(context, job, plans, AUDIT, len(rows)) if plans else ():
        chunks.add(parts[plan.index], found)


def _worth_it(shards: Sequence[ShardPlan[SampleTable]], workers: int, kind: np.dtype[np.void]) -> bool:
    """Whether all workers have a shard, or there is little to do, and the measurements of a shard are small."""
    images = [len(plan.items) for plan in shards]
    return (len(shards) >= workers or sum(images) <= _FEW) and max(images, default=0) * kind.itemsize <= _LARGEST


def _convert(context: RunContext, work: Conversion, chunks: MeasuredChunks, workers: int, *, descriptor: bool) -> None:
    """Makes the shards of convert, and measures their images."""
    kind = FULL_ROW if descriptor else ROW
    job, shards = work.shards(context)
    if job.earlier is not None or not _worth_it(shards, workers, kind):
        return
    measured = chunks.rows() & work.table.ok()
    starts = [*accumulate((len(plan.items) for plan in shards), initial=0)]
    plans = [
        MeasuredPlan(
            plan.index, plan.filename, plan.split, plan.items, plan.digest, rows=plan.rows,
            measured=np.flatnonzero(measured[start : start + len(plan.items)]),
        )
        for plan, start in zip(shards, starts, strict=False)
    ]  # fmt: skip
    for plan, found in make_ahead(context, STAGE, MeasuredConvertJob(job, descriptor), plans, WHAT):
        if found.measured is not None:
            chunks.add(starts[plan.index] + plans[plan.index].measured, found.measured)
