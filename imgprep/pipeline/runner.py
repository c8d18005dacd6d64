"""Runs the plans of a stage: plans to workers, finished shards to the journal, the index last."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from imgprep.dataset.manifest import SAMPLES, Manifest, ShardEntry, commit, sha256_file
from imgprep.engines.base import Engine, Heartbeat
from imgprep.errors import ImgprepError
from imgprep.pipeline.plan import I, ShardPlan, ShardRecord, images_in
from imgprep.pipeline.workspace import Workspace


class Monitor(Protocol):
    """Whoever watches a run; the stages themselves print nothing."""

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        """A piece of work of so many items starts; what is no image among the items is not counted."""
        ...

    def advance(self, items: int) -> None:
        """So many more items are finished."""
        ...

    def end(self) -> None:
        """The piece of work is over."""
        ...

    def note(self, message: str) -> None:
        """One line for the user."""
        ...


class Job(Protocol[I]):
    """What a worker does with the plan of a shard."""

    def __call__(self, plan: ShardPlan[I], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard and gives its record."""
        ...


@dataclass(frozen=True, slots=True)
class RunContext:
    """Where a stage runs.

    Attributes:
        workspace: the output folder, already locked.
        engine: runs the workers.
        monitor: is told what happens.
        force: redo what is finished.
    """

    workspace: Workspace
    engine: Engine
    monitor: Monitor
    force: bool = False


P = TypeVar("P")
R = TypeVar("R")


def results(
    context: RunContext, function: Any, plans: Iterable[P], what: str, items: int, unit: str = "images"
) -> Iterator[tuple[P, Any]]:
    """Runs a function over plans and gives (plan, result) as they finish; the first failure ends all.

    Raises:
        ImgprepError: what the function raised.
    """
    context.monitor.begin(what, items, unit)
    try:
        for outcome in context.engine.run(function, plans, context.monitor.advance):
            if outcome.error is not None:
                raise outcome.error
            yield outcome.plan, outcome.value
    finally:
        context.monitor.end()


def make_shards(context: RunContext, stage: str, job: Job[I], plans: list[ShardPlan[I]]) -> list[ShardRecord]:
    """Makes every shard of a stage, keeping those that an earlier run finished.

    A request that turns out to be wrong while the shards are made leaves nothing behind.

    Returns:
        The records in the order of the plans.
    """
    workspace = context.workspace
    workspace.begin(stage)
    journal = workspace.journal(stage)
    known = {} if context.force else journal.read()
    journal.rewrite(known)  # a line that a crash tore must not swallow the next one
    plans = [replace(plan, known=_record(known.get(plan.digest))) for plan in plans]
    records: dict[int, ShardRecord] = {}
    items = sum(images_in(plan.items) for plan in plans)
    try:
        for plan, record in results(context, job, plans, stage, items):
            records[plan.index] = record
            if record.kept:
                context.monitor.advance(images_in(plan.items))
            else:
                journal.append(plan.digest, asdict(record))
    except ImgprepError as error:
        if error.exit_code == 2:
            workspace.discard(stage)
        raise
    journal.rewrite({plan.digest: asdict(replace(records[plan.index], kept=False)) for plan in plans})
    kept = sum(record.kept for record in records.values())
    if kept:
        context.monitor.note(f"{stage}: {kept} of {len(plans)} shards were finished already")
    return [records[plan.index] for plan in plans]


def commit_stage(
    context: RunContext,
    manifest: Manifest,
    key: str,
    lines: Iterable[bytes],
    files: Iterable[str] = (),
    *,
    again: bool = False,
) -> Manifest:
    """Commits a stage: samples.jsonl, then away with files of earlier runs, then dataset.json.

    Args:
        context: where the stage ran.
        manifest: what is known of it.
        key: what it was made from.
        lines: of samples.jsonl.
        files: the names of further files of the stage, already committed.
        again: whether the next run makes the stage again, for it may then get images that this one did not.

    Returns:
        The index as it was committed.
    """
    folder = context.workspace.stage(manifest.stage)
    commit(folder / SAMPLES, lines)
    wanted = {shard.filename for shard in manifest.shards}
    wanted |= {part_path(folder, filename).name for filename in wanted}
    for place in (folder, context.workspace.parts(manifest.stage)):
        for path in place.glob(f"*-of-{'[0-9]' * 5}*"):
            if path.name not in wanted:
                path.unlink()
    listed = {name: sha256_file(folder / name) for name in sorted({SAMPLES, *files})}
    manifest = replace(manifest, files=listed)
    context.workspace.finish(manifest.stage, key, manifest, again=again)
    return manifest


def part_lines(context: RunContext, stage: str, plans: Iterable[ShardPlan[Any]]) -> Iterator[bytes]:
    """The pieces of samples.jsonl that the workers wrote, in source order."""
    folder = context.workspace.parts(stage)
    for plan in plans:
        with part_path(folder, plan.filename).open("rb") as file:
            yield from file


def part_path(folder: Path, filename: str) -> Path:
    """Where the piece of samples.jsonl of a shard is."""
    return folder / f"{filename}.jsonl"


def entries(records: Iterable[ShardRecord]) -> tuple[ShardEntry, ...]:
    """The records as the index lists them."""
    return tuple(ShardEntry(r.filename, r.split, r.samples, r.bytes, r.sha256) for r in records)


def _record(content: dict[str, Any] | None) -> ShardRecord | None:
    try:
        return ShardRecord(**content) if content else None
    except TypeError:  # the journal of another version
        return None
