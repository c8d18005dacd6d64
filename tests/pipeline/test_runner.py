import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgprep.dataset.manifest import Manifest
from imgprep.engines.base import Heartbeat
from imgprep.errors import ImageError, RequestError, ResourceError
from imgprep.pipeline import runner as machinery
from imgprep.pipeline.plan import ShardPlan, ShardRecord, plan_digest, shard_names
from imgprep.pipeline.runner import (
    RunContext,
    commit_stage,
    entries,
    make_shards,
    part_lines,
    part_path,
    parts,
    results,
)
from imgprep.pipeline.storage import Storage
from imgprep.pipeline.writer import ShardWriter
from imgprep.shards import FORMATS

MakeMachine = Callable[..., RunContext]


@dataclass(frozen=True)
class Numbers:
    """Items of a plan: whole numbers, which become the pixels of a shard."""

    values: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.values)

    def digest(self) -> str:
        return repr(self.values)


@dataclass
class CountingJob:
    """Makes shards, and remembers which it really made."""

    writer: ShardWriter
    made: list[str] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)

    def __call__(self, plan: ShardPlan[Numbers], heartbeat: Heartbeat) -> ShardRecord:
        finished = self.writer.finished(plan)
        if finished is not None:
            return finished
        for item in range(len(plan.items)):
            heartbeat.at(item)
        if plan.filename in self.fails:
            raise self.fails[plan.filename]
        heartbeat.done()
        self.made.append(plan.filename)
        arrays = {"image": np.array(plan.items.values, np.uint8)}
        lines = [json.dumps({"id": value}).encode() + b"\n" for value in plan.items.values]
        return self.writer.write(ShardRecord(plan.filename, None, len(plan.items)), arrays, lines=lines)


def plans_of(*values: tuple[int, ...], job: str = "job") -> list[ShardPlan[Numbers]]:
    names = shard_names("shard", len(values), ".npz")
    return [
        ShardPlan(index, name, None, Numbers(items), plan_digest(job, name, Numbers(items)))
        for index, (name, items) in enumerate(zip(names, values, strict=True))
    ]


PLANS = plans_of((1, 2), (3,), (4, 5, 6))
NAMES = [plan.filename for plan in PLANS]


@pytest.fixture
def job(context: MakeMachine) -> CountingJob:
    return CountingJob(ShardWriter.for_stage(context().workspace, "convert", Storage(format=FORMATS["npz"])))


def manifest(records: list[ShardRecord], stage: str = "convert") -> Manifest:
    return Manifest(stage, "x", ("a",), {}, {}, 0, "", shards=entries(records))


def test_shards_are_made_once(context: MakeMachine, job: CountingJob) -> None:
    first, second = context(), context()
    records = make_shards(first, "convert", job, PLANS)
    assert job.made == NAMES
    assert [record.samples for record in records] == [2, 1, 3]
    assert (first.monitor.began, first.monitor.advanced, first.monitor.open) == ([("convert", 6)], 6, 0)
    assert first.monitor.notes == []
    assert [replace(record, kept=False) for record in make_shards(second, "convert", job, PLANS)] == records
    assert job.made == NAMES
    assert second.monitor.advanced >= 6
    assert second.monitor.notes == ["convert: 3 of 3 shards were finished already"]


def test_a_resume_makes_only_what_is_missing(context: MakeMachine, job: CountingJob) -> None:
    job.fails = {NAMES[1]: ResourceError("the disk is full")}
    with pytest.raises(ResourceError, match="the disk is full"):
        make_shards(context(), "convert", job, PLANS)
    assert job.made == NAMES[:1]
    job.fails.clear()
    resumed = context()
    make_shards(resumed, "convert", job, PLANS)
    assert job.made == NAMES
    assert resumed.monitor.notes == ["convert: 1 of 3 shards were finished already"]


def test_a_torn_journal_line_costs_one_shard_and_swallows_no_other(context: MakeMachine, job: CountingJob) -> None:
    make_shards(context(), "convert", job, PLANS)
    path = context().workspace.journal("convert").path
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20])
    job.made.clear()
    job.fails = {NAMES[2]: ResourceError("the disk is full")}
    with pytest.raises(ResourceError):
        make_shards(context(), "convert", job, PLANS)
    assert job.made == [NAMES[1]]
    job.fails.clear()
    make_shards(context(), "convert", job, PLANS)
    assert job.made == [NAMES[1], NAMES[2]], "the shard made after the torn line was remembered"


@pytest.mark.parametrize("damage", ["gone", "changed", "cut"])
@pytest.mark.parametrize("what", ["shard", "part"])
def test_a_damaged_file_is_made_again(context: MakeMachine, job: CountingJob, damage: str, what: str) -> None:
    make_shards(context(), "convert", job, PLANS)
    path = job.writer.folder / NAMES[1] if what == "shard" else part_path(job.writer.parts, NAMES[1])
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] + (b"" if damage == "cut" else bytes([content[-1] ^ 1])))
    job.made.clear()
    again = context()
    make_shards(again, "convert", job, PLANS)
    assert job.made == [NAMES[1]]
    assert path.read_bytes() == content
    assert again.monitor.notes == ["convert: 2 of 3 shards were finished already"]


def test_force_makes_everything_again(context: MakeMachine, job: CountingJob) -> None:
    make_shards(context(), "convert", job, PLANS)
    job.made.clear()
    make_shards(context(force=True), "convert", job, PLANS)
    assert job.made == NAMES


def test_other_items_or_another_job_make_another_shard(context: MakeMachine, job: CountingJob) -> None:
    make_shards(context(), "convert", job, PLANS)
    job.made.clear()
    make_shards(context(), "convert", job, plans_of((1, 2), (9,), (4, 5, 6)))
    assert job.made == [NAMES[1]]
    job.made.clear()
    make_shards(context(), "convert", job, plans_of((1, 2), (9,), (4, 5, 6), job="other settings"))
    assert job.made == NAMES


def test_a_record_of_another_version_is_not_trusted(context: MakeMachine, job: CountingJob) -> None:
    make_shards(context(), "convert", job, PLANS)
    journal = context().workspace.journal("convert")
    journal.rewrite({plan: record | {"colour": "blue"} for plan, record in journal.read().items()})
    job.made.clear()
    make_shards(context(), "convert", job, PLANS)
    assert job.made == NAMES


def test_the_index_is_away_while_shards_are_made(context: MakeMachine, job: CountingJob) -> None:
    records = make_shards(context(), "convert", job, PLANS)
    commit_stage(context(), manifest(records), "key", [b"{}\n"])
    index = job.writer.folder / "dataset.json"
    assert index.exists()
    (job.writer.folder / NAMES[0]).unlink()
    job.fails = {NAMES[0]: ResourceError("the disk is full")}
    with pytest.raises(ResourceError):
        make_shards(context(), "convert", job, PLANS)
    assert not index.exists()
    assert context().workspace.done("convert", "key") is None


def test_a_wrong_request_leaves_nothing_behind(context: MakeMachine, job: CountingJob) -> None:
    job.fails = {NAMES[2]: RequestError("the sizes differ")}
    with pytest.raises(RequestError, match="the sizes differ"):
        make_shards(context(), "convert", job, PLANS)
    workspace = context().workspace
    assert not workspace.stage("convert").exists()
    assert list(workspace.private.iterdir()) == []


@pytest.mark.parametrize("error", [ResourceError("disk full"), ImageError("odd"), ValueError("a defect")])
def test_any_other_failure_keeps_what_is_finished(context: MakeMachine, job: CountingJob, error: Exception) -> None:
    job.fails = {NAMES[2]: error}
    failing = context()
    with pytest.raises(Exception, match=str(error)):
        make_shards(failing, "convert", job, PLANS)
    assert failing.monitor.open == 0, "the progress bar is closed"
    assert {path.name for path in job.writer.folder.iterdir()} == set(NAMES[:2])


def test_shards_of_an_earlier_count_go_and_other_files_stay(context: MakeMachine, job: CountingJob) -> None:
    records = make_shards(context(), "convert", job, PLANS)
    commit_stage(context(), manifest(records), "key", [])
    (job.writer.folder / "notes.txt").write_text("mine")
    (job.writer.folder / "shard-00000-of-00009.h5").write_text("of another format")
    records = make_shards(context(), "convert", job, plans_of((1, 2, 3)))
    commit_stage(context(), manifest(records), "key", [])
    names = {path.name for path in job.writer.folder.iterdir()}
    assert names == {"dataset.json", "samples.jsonl", "notes.txt", "shard-00000-of-00001.npz"}
    assert [path.name for path in job.writer.parts.iterdir()] == ["shard-00000-of-00001.npz.jsonl"]


def test_dataset_json_comes_last(context: MakeMachine, job: CountingJob, monkeypatch: pytest.MonkeyPatch) -> None:
    records = make_shards(context(), "convert", job, PLANS)

    def failing() -> Iterator[bytes]:
        yield b"{}\n"
        raise ResourceError("the disk is full")

    with pytest.raises(ResourceError):
        commit_stage(context(), manifest(records), "key", failing())
    assert {path.name for path in job.writer.folder.iterdir()} == set(NAMES)
    order: list[str] = []
    workspace = type(context().workspace)
    commit, finish = machinery.commit, workspace.finish

    def spied(path: Path, *rest: Any, **options: Any) -> None:
        order.append(path.name)
        commit(path, *rest, **options)

    def spied_finish(self: Any, *rest: Any, **options: Any) -> None:
        order.append("finish")
        assert (job.writer.folder / "samples.jsonl").exists()
        finish(self, *rest, **options)

    monkeypatch.setattr(machinery, "commit", spied)
    monkeypatch.setattr(workspace, "finish", spied_finish)
    lines = list(part_lines(context(), "convert", PLANS))
    assert b"".join(parts(context(), "convert", PLANS)) == b"".join(lines)
    commit_stage(context(), manifest(records), "key", lines)
    assert order == ["samples.jsonl", "finish"]
    ids = [json.loads(line)["id"] for line in (job.writer.folder / "samples.jsonl").read_text().splitlines()]
    assert ids == [1, 2, 3, 4, 5, 6]
    done = context().workspace.done("convert", "key")
    assert done is not None
    assert replace(done, files={}) == manifest(records)


def test_results_end_with_the_first_failure(context: MakeMachine) -> None:
    def odd(plan: ShardPlan[Numbers], _: Heartbeat) -> int:
        if plan.index:
            raise ImageError(f"plan {plan.index}")
        return 7

    failing = context()
    found = []
    with pytest.raises(ImageError, match="plan 1"):
        found += [value for _, value in results(failing, odd, PLANS, "counting", 3)]
    assert failing.monitor.began == [("counting", 3)]
    assert failing.monitor.open == 0
