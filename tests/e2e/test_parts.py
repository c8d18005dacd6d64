"""`imgprep work`: parts of a stage, made in any order by processes that know nothing of each other."""

import json
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.pipeline.workspace import Workspace
from tests.support.project import Project

SMALL = {"shard_size": 960}
"""Five images of 8x8 pixels a shard."""
AUGMENT = {"per_image": 2, "transforms": [{"flip": {"horizontal": 0.5}}, {"rotate": {"degrees": [-9, 9]}}], **SMALL}


@pytest.fixture
def sharded(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    """A project with some twenty shards in each stage."""
    project = new_project(
        tmp_path / "images",
        convert={"size": [8, 8], **SMALL},
        augment=AUGMENT,
        pack={"dtype": "float32", "normalize": {"standardize": "channel"}, "shard_size": 3840},
        split={"near_duplicates": "ignore"},
        execution={"engine": "serial"},
    )
    project.draw(apple=40, kiwi=35, pear=25)
    return project


def test_parts_in_any_order_some_twice_give_the_bytes_of_a_run(sharded: Project) -> None:
    expected = sharded.hashes_of_a_run()
    order = [*range(1, 17), 3, 11]
    random.Random(4).shuffle(order)
    for stage in ("convert", "augment", "pack"):
        made: dict[int, str] = {}
        for part in order:
            done = sharded.call("work", sharded.spec, "--stage", stage, "--part", f"{part}/16")
            assert done.returncode == 0, done.stderr
            assert not (sharded.output / stage / "dataset.json").exists()
            if part in made:
                count = made[part].split(": ")[2].split()[0]
                assert f"{count} of them finished already" in done.stdout
            else:
                assert done.stdout.startswith(f"{stage}: part {part}/16: ")
                assert "finished already" not in done.stdout
                made[part] = done.stdout
        done = sharded.call(stage, sharded.spec)
        assert done.returncode == 0
        shards = len(sharded.manifest(stage)["shards"])
        assert f"{stage}: {shards} of {shards} shards were finished already" in done.stderr
        assert not Workspace(sharded.output).part_journals(stage)
        if stage == "convert":
            assert sharded.call("split", sharded.spec).returncode == 0
    assert sharded.call("run", sharded.spec).returncode == 0
    assert sharded.hashes() == expected


@pytest.mark.slow
def test_parts_four_at_a_time_with_one_killed_give_the_bytes_of_a_run(sharded: Project) -> None:
    expected = sharded.hashes_of_a_run()
    parts = [*range(1, 9), 2, 5]
    for start in range(0, len(parts), 4):
        batch = [
            sharded.start("work", sharded.spec, "--stage", "convert", "--part", f"{part}/8")
            for part in parts[start : start + 4]
        ]
        if start == 4:
            batch[1].send_signal(signal.SIGKILL)
        for number, process in enumerate(batch):
            _, err = process.communicate()
            assert process.returncode == (-signal.SIGKILL if (start, number) == (4, 1) else 0), err
    assert sharded.call("run", sharded.spec).returncode == 0
    assert sharded.hashes() == expected


def test_what_parts_left_undone_is_made_by_the_run(sharded: Project) -> None:
    expected = sharded.hashes_of_a_run()
    for part in (2, 3):
        sharded.call("work", sharded.spec, "--stage", "convert", "--part", f"{part}/4")
    shard = next((sharded.output / "convert").glob("shard-00001-*"))
    shard.write_bytes(shard.read_bytes()[:-1])  # damaged since
    done = sharded.call("run", sharded.spec)
    assert "convert: 9 of 20 shards were finished already" in done.stderr
    assert sharded.hashes() == expected


def test_a_part_of_what_is_up_to_date_changes_nothing(sharded: Project) -> None:
    assert sharded.call("convert", sharded.spec).returncode == 0
    before = sharded.hashes()
    done = sharded.call("work", sharded.spec, "--stage", "convert", "--part", "1/2")
    assert done.returncode == 0
    assert "convert: up to date" in done.stderr
    assert sharded.hashes() == before


def test_a_part_leaves_the_work_of_others_alone(sharded: Project) -> None:
    with Workspace(sharded.output).locked(shared=True):
        other = sharded.output / "convert" / ".tmp-1-shard"
        other.parent.mkdir(parents=True)
        other.write_bytes(b"of a part on another machine")
        assert sharded.call("work", sharded.spec, "--stage", "convert", "--part", "1/2").returncode == 0
        assert other.exists()
        done = sharded.call("convert", sharded.spec)
        assert done.returncode == 5
        assert "held by process" in done.stderr
    with Workspace(sharded.output).locked():
        done = sharded.call("work", sharded.spec, "--stage", "convert", "--part", "2/2")
        assert done.returncode == 5


@pytest.mark.parametrize(
    ("stage", "part", "said"),
    [
        ("convert", "0/4", "--part 0/4: expected I/N with I from 1 to N, such as 3/16"),
        ("convert", "5/4", "--part 5/4: expected I/N"),
        ("convert", "1", "--part 1: expected I/N"),
        ("convert", "1/-2", "--part 1/-2: expected I/N"),
        ("pak", "1/2", "--stage: unknown stage 'pak'; did you mean 'pack'?"),
        ("split", "1/2", "spec.yaml"),
        ("pack", "1/2", "convert is not up to date, and parts of pack need it: run `imgprep convert` first"),
    ],
)
def test_what_is_no_part_is_refused_in_one_line(sharded: Project, stage: str, part: str, said: str) -> None:
    done = sharded.call("work", sharded.spec, "--stage", stage, "--part", part)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_stage_without_shards_has_no_parts(sharded: Project) -> None:
    assert sharded.call("convert", sharded.spec).returncode == 0
    done = sharded.call("work", sharded.spec, "--stage", "split", "--part", "1/2")
    assert done.returncode == 2
    assert "split makes no shards, so it has no parts: run `imgprep split`" in done.stderr


def test_quarantined_images_are_counted_in_their_part_and_judged_by_the_run(sharded: Project) -> None:
    (sharded.source / "apple" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    done = sharded.call("work", sharded.spec, "--stage", "convert", "--part", "1/4")
    assert done.returncode == 0
    assert "1 images quarantined" in done.stdout or "1 image quarantined" in done.stdout
    for part in (2, 3, 4):
        assert sharded.call("work", sharded.spec, "--stage", "convert", "--part", f"{part}/4").returncode == 0
    assert sharded.call("convert", sharded.spec).returncode == 3
    assert json.loads((sharded.output / "convert" / "dataset.json").read_text())["samples"]["quarantined"] == 1
