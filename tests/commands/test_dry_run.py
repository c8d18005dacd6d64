from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.commands import main
from imgprep.commands.dry_run import plan
from imgprep.commands.session import Request
from imgprep.errors import RequestError

MakeRequest = Callable[..., Request]


def test_the_estimate_is_what_will_be(request_for: MakeRequest, tmp_path: Path) -> None:
    sections = {"convert": {"size": [6, 5], "shard_size": 360}, "pack": {"dtype": "float64", "shard_size": 2160}}
    estimate = plan(request_for(**sections), "pack")
    assert not (tmp_path / "output").exists(), "nothing was written"
    convert, split, pack = estimate.stages
    assert (convert.stage, split.stage, pack.stage) == ("convert", "split", "pack")
    assert estimate.found == {"found": 12, "ok": 12}
    assert estimate.classes == 3
    done = {stage.folder.name: stage.manifest for stage in main.run(request_for(**sections)).stages}
    assert convert.shards == len(done["convert"].shards) == 3
    assert convert.bytes == 12 * 90
    assert pack.shards == len(done["pack"].shards)
    assert pack.bytes == 12 * 90 * 8
    for stage in (split, pack):
        assert stage.rows == {name: sum(row.values()) for name, row in done["split"].counts.items()}


def test_what_augmentation_makes_is_part_of_the_estimate(request_for: MakeRequest) -> None:
    section = {"balance": 8, "transforms": ["flip"], "mix": {"invert": 0.5}, "stress": ["shifted"], "views": 2}
    sections = {"augment": section, "convert": {"size": [6, 5]}}
    _, _, augment, pack = plan(request_for(**sections), "pack").stages
    done = {stage.folder.name: stage.manifest for stage in main.run(request_for(**sections)).stages}
    for stage in (augment, pack):
        assert stage.rows == {name: sum(row.values()) for name, row in done[stage.stage].counts.items()}
        assert stage.shards == len(done[stage.stage].shards)
    assert [stage.stage for stage in plan(request_for(**sections), "augment").stages][-1] == "augment"
    with pytest.raises(RequestError, match="augment: the section is missing; add it to say which images to make"):
        plan(request_for(), "augment")


@pytest.mark.parametrize(("last", "stages"), [("convert", 1), ("split", 2), ("pack", 3)])
def test_only_what_the_command_does_is_estimated(request_for: MakeRequest, last: str, stages: int) -> None:
    assert len(plan(request_for(), last).stages) == stages


def test_the_estimate_is_said_in_lines(request_for: MakeRequest, collection: Path) -> None:
    (collection / "elm" / "notes.txt").write_text("")
    lines = plan(request_for(), "pack").text().splitlines()
    assert lines[0] == "source: 13 found = 12 ok + 0 quarantined + 1 skipped, 3 classes"
    assert lines[1].startswith("convert: 12 all; 1 shard, 0.0 MiB in ")
    assert lines[2].startswith("split: 9 train, 1 validation, 2 test; tables only in ")
    assert lines[-1] == "nothing was written"


def test_a_request_that_does_not_fit_is_refused(request_for: MakeRequest) -> None:
    with pytest.raises(RequestError, match="predefined"):
        plan(request_for(split={"method": "predefined"}), "pack")
