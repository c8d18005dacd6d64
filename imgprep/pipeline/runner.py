"""Runs the plans of a stage: hands plans to workers, journals finished shards, commits the index last."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from imgprep.dataset.manifest import SAMPLES, Manifest, ShardEntry, commit, sha256_file
from imgprep.dataset.row_format import ImageFormat
from imgprep.engines.base import Engine, Heartbeat
from imgprep.errors import ImgprepError
from imgprep.pipeline.parts import Part, PartResult
from imgprep.pipeline.plan import I, ShardPlan, ShardRecord, images_in, record_from
from imgprep.pipeline.workspace import Journal, Workspace

_BLOCK: Final = 1 << 20


class Monitor(Protocol):
    """Shows the progress of a run; the stages themselves print nothing."""

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        """Starts a task of `items` items; skipped files are not counted."""
        ...

    def advance(self, items: int) -> None:
        """Counts further finished items."""
        ...

    def end(self) -> None:
        """Ends the task."""
        ...

    def note(self, message: str) -> None:
        """Shows one line to the user."""
        ...


class Job(Protocol[I]):
    """The function that a worker calls with the plan of a shard."""

    def __call__(self, plan: ShardPlan[I], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard and returns its record."""
        ...


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a run has made before its turn, because the images were being read for something else.

    Attributes:
        stages: names of the stages of which it made shards.
        shards: digest of a plan -> the record of its shard.
        chunks: names of the files of chunks in a cache.
        formats: stage -> the image that determines its format, and the format.
    """

    stages: set[str] = field(default_factory=set)

    shards: dict[str, ShardRecord] = field(default_factory=dict)
    chunks: set[str] = field(default_factory=set)
    formats: dict[str, tuple[str, ImageFormat]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunContext:
    """The surroundings that a stage runs in.

    Attributes:
        workspace: the output folder, already locked.
        engine: runs the workers.
        monitor: shows progress and notes.
        force: make finished shards again.
        ahead: what was made before its turn; its owner finds it there.
    """

    workspace: Workspace
    engine: Engine
    monitor: Monitor
    force: bool = False
    ahead: Ahead = field(default_factory=Ahead)


P = TypeVar("P")
R = TypeVar("R")


def results(
    context: RunContext, function: Any, plans: Iterable[P], what: str, items: int, unit: str = "images"
) -> Iterator[tuple[P, Any]]:
    """Runs a function over plans and yields (plan, result) as they finish; the first failure ends the run.

    Raises:
        ImgprepError: raised by the function.
    """
    context.monitor.begin(what, items, unit)
    try:
        for outcome in context.engine.run(function, plans, context.monitor.advance):
            if outcome.error is not None:
                raise outcome.error
            yield outcome.plan, outcome.value
    finally:
        context.monitor.end()


def tell_made_ahead(context: RunContext, what: str, items: int) -> None:
    """Shows that items were made ahead, when it is their turn."""
    context.monitor.begin(what, items)
    context.monitor.advance(items)
    context.monitor.end()


def make_shards(context: RunContext, stage: str, job: Job[I], plans: list[ShardPlan[I]]) -> list[ShardRecord]:
    """Makes every shard of a stage, keeping those that an earlier run finished.

    A request that proves wrong while shards are being made leaves nothing behind.

    Returns:
        The records in the order of the plans.
    """
    workspace = context.workspace
    workspace.begin(stage)
    journal, parts = workspace.journal(stage), workspace.part_journals(stage)
    known = {} if context.force else workspace.journaled(stage)
    journal.rewrite(known)  # a line that a crash tore must not swallow the next one
    try:
        records = _made(context, stage, job, plans, (journal, known))
    except ImgprepError as error:
        if error.exit_code == 2:
            workspace.discard(stage)
        raise
    journal.rewrite({plan.digest: asdict(replace(records[plan.index], kept=False)) for plan in plans})
    for part in parts:
        part.path.unlink(missing_ok=True)
    kept = sum(record.kept for record in records.values())
    if kept:
        context.monitor.note(f"{stage}: {kept} of {len(plans)} shards were finished already")
    copied = sum(record.copied for record in records.values() if not record.kept)
    if copied:
        rows = sum(record.samples for record in records.values() if not record.kept)
        context.monitor.note(f"{stage}: {copied} of {rows} rows were copied from the last output")
    return [records[plan.index] for plan in plans]


def make_part(context: RunContext, stage: str, job: Job[I], plans: list[ShardPlan[I]], part: Part) -> PartResult:
    """Makes the shards of a part, which a later run finds finished; other parts may be made at the same time.

    The stage is not finished by it, and nothing that another process made is removed.
    """
    workspace = context.workspace
    workspace.begin(stage)
    journal = workspace.journal(stage, part)
    found = workspace.journaled(stage) | journal.read()
    known = {} if context.force else found
    mine = [plan for plan in plans if part.has(plan.index)]
    own = {plan.digest for plan in mine}
    journal.rewrite({digest: record for digest, record in found.items() if digest in own})
    records = _made(context, stage, job, mine, (journal, known)).values()
    kept = sum(record.kept for record in records)
    lost = sum(record.quarantined for record in records)
    return PartResult(stage, part, len(plans), len(mine) - kept, kept, lost)


def _made(
    context: RunContext,
    stage: str,
    job: Job[I],
    plans: list[ShardPlan[I]],
    journaled: tuple[Journal, Mapping[str, dict[str, Any]]],
) -> dict[int, ShardRecord]:
    """The records of the plans by their index; what is made is appended to the journal at once."""
    journal, known = journaled
    ahead = context.ahead.shards
    records = {plan.index: ahead[plan.digest] for plan in plans if plan.digest in ahead}
    before = sum(images_in(plan.items) for plan in plans if plan.digest in ahead)
    if before:
        tell_made_ahead(context, stage, before)
    plans = [replace(plan, known=record_from(known.get(plan.digest))) for plan in plans if plan.digest not in ahead]
    items = sum(images_in(plan.items) for plan in plans)
    for plan, record in results(context, job, plans, stage, items) if plans or not before else ():
        records[plan.index] = record
        if record.kept:
            context.monitor.advance(images_in(plan.items))
        else:
            journal.append(plan.digest, asdict(record))
    return records


def make_ahead(
    context: RunContext, stage: str, job: Any, plans: Iterable[ShardPlan[I]], what: str
) -> Iterator[tuple[ShardPlan[I], Any]]:
    """Makes the shards of a stage while its images are read for something else; its own run then takes them over.

    Shards that an earlier run finished are kept. A run that is interrupted leaves what an interrupted stage does.

    Args:
        context: of the run.
        stage: its name.
        job: gives a result with the member ``record``, a `ShardRecord`.
        plans: of the shards.
        what: name of the work, for the progress display.

    Yields:
        Each plan and its result, as they finish.
    """
    context.workspace.begin(stage)
    context.ahead.stages.add(stage)
    journal, known = context.workspace.journal(stage), context.workspace.journaled(stage)
    known = {} if context.force else known
    journal.rewrite(known)
    plans = [replace(plan, known=record_from(known.get(plan.digest))) for plan in plans]
    for plan, found in results(context, job, plans, what, sum(images_in(plan.items) for plan in plans)):
        record: ShardRecord = found.record
        if record.kept:
            context.monitor.advance(images_in(plan.items))
        else:
            journal.append(plan.digest, asdict(record))
        if not record.transient:  # else the stage tries again
            context.ahead.shards[plan.digest] = record
        yield plan, found


def commit_stage(
    context: RunContext,
    manifest: Manifest,
    key: str,
    lines: Iterable[bytes],
    files: Iterable[str] = (),
    *,
    again: bool = False,
) -> Manifest:
    """Commits a stage: writes samples.jsonl, removes shards of earlier runs, then writes dataset.json.

    Args:
        context: of the run.
        manifest: the index without its `files`.
        key: hash of the stage's inputs.
        lines: of samples.jsonl.
        files: names of further files of the stage, already committed.
        again: whether the next run makes the stage again because it may then read images that this one could not.

    Returns:
        The index as it was committed.
    """
    folder = context.workspace.stage(manifest.stage)
    commit(folder / SAMPLES, lines)
    wanted = {shard.filename for shard in manifest.shards}
    wanted |= {path_of(folder, filename).name for filename in wanted for path_of in (part_path, row_path)}
    for place in (folder, context.workspace.parts(manifest.stage)):
        for path in place.glob(f"*-of-{'[0-9]' * 5}*"):
            if path.name not in wanted:
                path.unlink()
    context.workspace.forget_earlier(manifest.stage)
    listed = {name: sha256_file(folder / name) for name in sorted({SAMPLES, *files})}
    manifest = replace(manifest, files=listed)
    context.workspace.finish(manifest.stage, key, manifest, again=again)
    return manifest


def part_lines(context: RunContext, stage: str, plans: Iterable[ShardPlan[Any]]) -> Iterator[bytes]:
    """The lines of samples.jsonl that the workers wrote, in source order."""
    folder = context.workspace.parts(stage)
    for plan in plans:
        with part_path(folder, plan.filename).open("rb") as file:
            yield from file


def parts(context: RunContext, stage: str, plans: Iterable[ShardPlan[Any]]) -> Iterator[bytes]:
    """The same in blocks, for who looks at no line."""
    folder = context.workspace.parts(stage)
    for plan in plans:
        with part_path(folder, plan.filename).open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def part_path(folder: Path, filename: str) -> Path:
    """The path of a shard's piece of samples.jsonl."""
    return folder / f"{filename}.jsonl"


def row_path(folder: Path, filename: str) -> Path:
    """The path of what is recorded of a shard's rows."""
    return folder / f"{filename}.rows"


def entries(records: Iterable[ShardRecord]) -> tuple[ShardEntry, ...]:
    """The shard entries of the index."""
    return tuple(ShardEntry(r.filename, r.split, r.samples, r.bytes, r.sha256) for r in records)
