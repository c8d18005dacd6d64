import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from imgprep.checks.measure_images import measure
from imgprep.checks.measurements import Measurements
from imgprep.decoding.decode import DecodeOptions
from imgprep.errors import TransientError
from imgprep.pipeline import chunk_cache
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.runner import RunContext
from imgprep.sources.directory import Directory
from imgprep.table.sample import Sample, SampleTable

MakeMachine = Callable[..., RunContext]
Write = Callable[[Path, np.ndarray], Path]
READ: list[str] = []


@dataclass(frozen=True)
class Watched(Directory):
    """A folder that remembers what was read of it."""

    failing: frozenset[str] = field(default_factory=frozenset)

    def reading(self) -> Callable[[Sample], bytes]:
        return self.read

    def read(self, sample: Sample) -> bytes:
        READ.append(sample.id)
        if sample.id in self.failing:
            raise TransientError("the server is away")
        return super().read(sample)


@pytest.fixture
def trees(tmp_path: Path, write_image: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve images and a broken one, measured in several chunks."""
    monkeypatch.setattr(chunk_cache, "SMALLEST", 4)
    READ.clear()
    random = np.random.default_rng(0)
    for label in ("ash", "elm"):
        for index in range(6):
            pixels = random.integers(0, 256, (9 + index, 8, 3), np.uint8)
            write_image(tmp_path / "trees" / label / f"{index}.png", pixels)
    (tmp_path / "trees" / "ash" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path / "trees"


def look(folder: Path, context: RunContext, failing: frozenset[str] = frozenset()) -> tuple[SampleTable, Measurements]:
    READ.clear()
    source = Watched(folder, failing=failing)
    return measure(context, ImageReader(source, DecodeOptions()), SampleTable.of(source.samples()))


def test_every_usable_image_is_measured(trees: Path, context: MakeMachine) -> None:
    table, found = look(trees, context())
    assert len(table) == len(found) == 13
    assert sorted(READ) == sorted(table.id)
    broken = list(table.id).index("ash/broken.png")
    assert table.status.where("quarantined").tolist() == [row == broken for row in range(13)]
    assert table.reason[broken]
    assert found.valid.tolist() == [row != broken for row in range(13)]
    heights = [0 if row == broken else 9 + int(id_[4]) for row, id_ in enumerate(table.id)]
    assert found["height"].tolist() == heights


def test_what_is_known_is_not_read_again(trees: Path, context: MakeMachine) -> None:
    table, found = look(trees, context())
    again = context()
    table_again, found_again = look(trees, again)
    assert READ == []
    assert again.monitor.notes == ["audit: 13 images are known from before"]
    assert table_again.digest() == table.digest()
    assert found_again.records().tobytes() == found.records().tobytes()
    look(trees, context(force=True))
    assert len(READ) == 13


@pytest.mark.parametrize("how", ["time", "size", "new", "gone"])
def test_a_change_costs_its_chunk_only(trees: Path, context: MakeMachine, write_image: Write, how: str) -> None:
    look(trees, context())
    path = trees / "elm" / "3.png"
    if how == "time":
        os.utime(path, ns=(1, 1))
    elif how == "size":
        write_image(path, np.zeros((40, 8, 3), np.uint8))
    elif how == "new":
        write_image(trees / "elm" / "31.png", np.zeros((40, 8, 3), np.uint8))
    else:
        path.unlink()
    table, found = look(trees, context())
    assert 0 < len(READ) < len(table)
    assert how == "gone" or ("elm/31.png" if how == "new" else "elm/3.png") in READ
    look(trees, context())
    assert READ == []
    wanted = look(trees, context(output="fresh"))[1]
    assert found.records().tobytes() == wanted.records().tobytes()


def test_another_folder_of_the_same_names_sizes_and_times_is_another_collection(
    trees: Path, tmp_path: Path, context: MakeMachine
) -> None:
    look(trees, context())
    other = shutil.copytree(trees, tmp_path / "other")
    assert [path.stat().st_mtime_ns for path in trees.rglob("*.png")] == [
        path.stat().st_mtime_ns for path in (other / file.relative_to(trees) for file in trees.rglob("*.png"))
    ]
    look(other, context())
    assert len(READ) == 13


@pytest.mark.parametrize("damage", ["cut", "gone", "noise", "list", "empty"])
def test_a_damaged_memory_is_measured_again(trees: Path, context: MakeMachine, damage: str) -> None:
    _, found = look(trees, context())
    cache = context().workspace.private / "evidence" / "source"
    path = min(cache.iterdir())
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {
                "cut": content[:-1],
                "noise": b"\xff" * len(content),
                "list": (2).to_bytes(8, "little") + b"[]" + content[10:],
                "empty": b"",
            }[damage]
        )
    _, again = look(trees, context())
    assert 0 < len(READ) < 13
    assert again.records().tobytes() == found.records().tobytes()


def test_what_is_no_longer_needed_goes(trees: Path, context: MakeMachine) -> None:
    look(trees, context())
    cache = context().workspace.private / "evidence" / "source"
    (cache / ".tmp-1-x.bin").write_bytes(b"half")
    before = {path.name for path in cache.iterdir()}
    shutil.rmtree(trees / "elm")
    look(trees, context())
    after = {path.name for path in cache.iterdir()}
    assert len(after) < len(before)
    assert not any(name.startswith(".tmp") for name in after)


def test_what_may_pass_is_tried_again(trees: Path, context: MakeMachine) -> None:
    table, _ = look(trees, context(), frozenset({"elm/2.png"}))
    row = list(table.id).index("elm/2.png")
    assert table.reason[row] == "the server is away"
    look(trees, context(), frozenset({"elm/2.png"}))
    assert "elm/2.png" in READ


def test_a_chunk_of_which_an_item_killed_a_worker_is_not_remembered(
    trees: Path, context: MakeMachine, heartbeat: object
) -> None:
    from imgprep.checks.measure_images import MeasureJob
    from imgprep.pipeline.plan import ShardPlan

    made = context()
    cache = made.workspace.private / "evidence"
    cache.mkdir()
    table = SampleTable.of(Directory(trees).samples())
    job = MeasureJob(ImageReader(Directory(trees), DecodeOptions()), cache, descriptor=False)
    plan = ShardPlan(0, "chunk.bin", None, table, "").excluding(1, "decoder died, signal 11")
    found = job(plan, heartbeat)  # type: ignore[arg-type]
    assert found.faults[1] == "decoder died, signal 11"
    assert list(cache.iterdir()) == []
    job(replace(plan, excluded={}), heartbeat)  # type: ignore[arg-type]
    assert [path.name for path in cache.iterdir()] == ["chunk.bin"]


@pytest.mark.parametrize(("engine", "workers"), [("threads", 3), ("processes", 2)])
def test_engines_measure_the_same(trees: Path, context: MakeMachine, engine: str, workers: int) -> None:
    reader = ImageReader(Directory(trees), DecodeOptions())
    table = SampleTable.of(Directory(trees).samples())
    one = measure(context(), reader, table)
    two = measure(context(engine, workers, output="other"), reader, table)
    assert one[1].records().tobytes() == two[1].records().tobytes()
    assert one[0].digest() == two[0].digest()
