"""--dry-run: estimates the output and cost of a command; nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imgprep.commands.pipeline import Pipeline
from imgprep.commands.session import Request, engine_for, looking_at, workers_of
from imgprep.dataset.accounting import accounting
from imgprep.pipeline.estimates import Outlook, StageEstimate
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage_status import StageStatus
from imgprep.spec.loading import LoadedSpec
from imgprep.util.addresses import shown_path
from imgprep.util.quantity import quantity

COPIES: Final = 3
"""Copies of a shard's pixels in memory while it is written: rows, result, file."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of a command.

    Attributes:
        output: the output folder.
        found: entries of the source: found, ok, quarantined and skipped, as far as listing tells.
        classes: number of classes.
        stages: in order.
        workers: number of workers.
        worker_bytes: memory per worker in bytes.
        statuses: of the stages: what is up to date, and why the rest is not.
    """

    output: Path
    found: Mapping[str, int]
    classes: int
    stages: tuple[StageEstimate, ...]
    workers: int
    worker_bytes: int
    statuses: tuple[StageStatus, ...] = ()

    def text(self) -> str:
        """The estimate as readable lines."""
        lines = [f"source: {accounting(self.found)}, {quantity(self.classes, 'class')}"]
        for stage in self.stages:
            rows = ", ".join(f"{count} {split}" for split, count in stage.rows.items())
            shards = quantity(stage.shards, "shard")
            files = f"{shards}, {_mebibytes(stage.bytes)}" if stage.shards else "tables only"
            lines.append(f"{stage.stage}: {rows}; {files} in {shown_path(self.output / stage.stage)}")
        lines.append(
            f"memory: {self.workers} workers of about {_mebibytes(self.worker_bytes)} and the image being processed"
        )
        lines += [status.line() for status in self.statuses]
        return "\n".join([*lines, "nothing was written"])


def plan(request: Request, last: str | None = None) -> Estimate:
    """Estimates a command.

    Args:
        request: the spec.
        last: the stage that it makes, after those that it needs; None for all that the spec has.

    Raises:
        RequestError: the spec does not fit the source.
    """
    loaded = request.load()
    with looking_at(loaded) as workspace:
        return _estimate(loaded, RunContext(workspace, engine_for(loaded), request.monitor), last)


def _estimate(loaded: LoadedSpec, context: RunContext, last: str | None) -> Estimate:
    # Probing one image writes nothing: only the engine of the context is used.
    pipeline = Pipeline(loaded, context)
    needed = pipeline.stages() if last is None else pipeline.needed(last)
    pipeline.check(needed)
    outlook = Outlook(pipeline)
    for stage in needed:
        outlook.stages[stage.name] = stage.definition().estimate(outlook)
    stages = tuple(outlook.stages.values())
    largest = max((stage.bytes // stage.shards for stage in stages if stage.shards), default=0)
    table, classes = pipeline.collection.dataset()
    found = {"found": len(table), **table.status.counts()}
    statuses = tuple(pipeline.statuses(needed))
    return Estimate(loaded.spec.output, found, len(classes), stages, workers_of(loaded), COPIES * largest, statuses)


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
