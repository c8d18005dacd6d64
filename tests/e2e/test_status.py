"""`imgprep status`: what is up to date, and why the rest is not."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.project import Project

SECTIONS: dict[str, Any] = {"execution": {"engine": "serial"}, "split": {"method": "hash", "near_duplicates": "ignore"}}


@pytest.fixture
def project(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    """Two classes, and nothing made yet."""
    made = new_project(tmp_path / "images", **SECTIONS)
    made.draw(apple=12, pear=9)
    return made


@pytest.fixture
def finished(project: Project) -> Project:
    done = project.call("run", project.spec, "--no-gate")
    assert done.returncode == 0, done.stderr
    return project


def stages(project: Project, *options: object) -> dict[str, dict[str, Any]]:
    done = project.call("status", project.spec, "--format", "json", *options)
    content = json.loads(done.stdout)
    found = {stage["stage"]: stage for stage in content["stages"]}
    assert content["up_to_date"] == all(stage["state"] == "up to date" for stage in found.values())
    assert done.returncode == (0 if content["up_to_date"] else 1)
    return found


def changes(project: Project, stage: str, *settings: str) -> dict[str, tuple[str, str]]:
    options = [option for setting in settings for option in ("--set", setting)]
    found = stages(project, *options)[stage]
    assert found["state"] == "out of date"
    return {change["key"]: (change["before"], change["after"]) for change in found["changes"]}


def test_nothing_is_made_yet_and_nothing_is_written(project: Project) -> None:
    before = project.listing()
    done = project.call("status", project.spec)
    said = ["convert: not made yet", "split: waiting", "  convert would be made first", "pack: waiting"]
    assert (done.returncode, done.stdout.splitlines()[:4]) == (1, said)
    assert project.listing() == before


def test_all_is_up_to_date_after_a_run(finished: Project) -> None:
    done = finished.call("status", finished.spec)
    assert (done.returncode, done.stdout) == (0, "convert: up to date\nsplit: up to date\npack: up to date\n")


def test_settings_are_told_from_what_to_what(finished: Project) -> None:
    found = changes(finished, "convert", "convert.size=[16, 12]", "convert.fit=pad", "seed=4")
    assert found.pop("convert.fit")[1] == "pad"
    assert found == {"seed": ("3", "4"), "convert.size": ("[8, 8]", "[16, 12]")}
    done = finished.call("status", finished.spec, "--set", "convert.size=[16, 12]")
    assert done.stdout.splitlines()[:2] == ["convert: out of date", "  convert.size: [8, 8] -> [16, 12]"]


def test_each_stage_tells_of_its_own(finished: Project) -> None:
    for stage, setting, before, after in [
        ("convert", "convert.format", "hdf5", "npz"),
        ("convert", "convert.channels", "rgb", "gray"),
        ("convert", "source.follow_links", "inside", "anywhere"),
        ("split", "split.test", "", "0.3"),
        ("pack", "pack.dtype", "uint8", "float32"),
        ("pack", "pack.labels", "index", "one_hot"),
    ]:
        assert changes(finished, stage, f"{setting}={after}") == {setting: (before, after)}


def test_files_that_came_went_and_changed_are_counted_and_named(finished: Project) -> None:
    images = finished.source
    pixels = np.random.default_rng(9).integers(0, 256, (20, 24, 3), np.uint8)
    for number in range(4):
        assert cv2.imwrite(str(images / "apple" / f"new{number}.png"), pixels)
    (images / "apple" / "003.png").unlink()
    os.utime(images / "pear" / "005.png", ns=(1, 1))
    said = [
        "4 files came (apple/new0.png, apple/new1.png, apple/new2.png, ...)",
        "1 file went (apple/003.png)",
        "1 file changed (pear/005.png)",
    ]
    found = stages(finished)["convert"]
    assert found["reasons"] == said
    assert found["files"]["came"] == {
        "count": 4,
        "first": ["apple/new0.png", "apple/new1.png", "apple/new2.png"],
    }
    dry = finished.call("run", finished.spec, "--dry-run")
    line = f"convert: out of date: {'; '.join(said)}; 19 of 24 rows are reused from the last output"
    assert line in dry.stdout.splitlines()
    assert found["rows"] == {"reused": 19, "all": 24}
    assert f"  {line.rpartition('; ')[2]}" in finished.call("status", finished.spec).stdout.splitlines()
    done = finished.call("run", finished.spec, "--no-gate")
    assert line in done.stderr.splitlines()
    assert "split: out of date: convert changed" in done.stderr.splitlines()
    assert stages(finished)["pack"]["state"] == "up to date"


def test_a_class_that_came_is_told(finished: Project) -> None:
    assert cv2.imwrite(str(finished.source / "pear" / "x.png"), np.zeros((9, 9, 3), np.uint8))
    (finished.source / "pear").rename(finished.source / "quince")
    found = stages(finished)["convert"]
    assert found["reasons"][0] == "classes: ['apple', 'pear'] -> ['apple', 'quince']"
    assert (found["files"]["came"]["count"], found["files"]["went"]["count"]) == (10, 9)


def test_decisions_are_told(finished: Project) -> None:
    (finished.folder / "decisions.csv").write_text("id,action\napple/003.png,exclude\n")
    found = stages(finished, "--set", f"source.decisions={finished.folder / 'decisions.csv'}")["convert"]
    assert "decisions changed" in found["reasons"]


def test_another_version_is_told(finished: Project) -> None:
    record = finished.output / ".imgprep" / "convert.inputs.json"
    content = json.loads(record.read_bytes())
    now = content["inputs"]["versions"]["opencv"]
    content["inputs"]["versions"]["opencv"] = "4.0.1"
    key = finished.output / ".imgprep" / "convert.key.json"
    state = json.loads(key.read_bytes())
    content["key"] = state["key"] = "of that version"
    record.write_text(json.dumps(content))
    key.write_text(json.dumps(state))
    assert stages(finished)["convert"]["reasons"] == [f"opencv 4.0.1 -> {now}"]


@pytest.mark.parametrize("name", ["dataset.json", "samples.jsonl", "train-00000-of-00001.h5"])
def test_files_that_are_gone_are_named(finished: Project, name: str) -> None:
    (finished.output / "pack" / name).unlink()
    found = stages(finished)
    assert [stage["state"] for stage in found.values()] == ["up to date", "up to date", "damaged"]
    assert found["pack"]["reasons"] == ["files of the stage are gone or damaged", f"{name} is gone"]


def test_files_of_another_size_are_named(finished: Project) -> None:
    with (finished.output / "split" / "samples.jsonl").open("ab") as file:
        file.write(b"\n")
    found = stages(finished)
    assert found["split"]["reasons"] == ["files of the stage are gone or damaged", "samples.jsonl has another size"]
    assert found["pack"]["reasons"] == ["split would be made first"]


def test_a_record_that_is_gone_is_said_and_made_again(finished: Project) -> None:
    record = finished.output / ".imgprep" / "convert.inputs.json"
    record.unlink()
    found = stages(finished, "--set", "convert.size=[9, 9]")["convert"]
    assert found["reasons"] == ["its inputs changed; what they were is not recorded"]
    assert finished.call("convert", finished.spec).returncode == 0
    assert changes(finished, "convert", "convert.size=[9, 9]") == {"convert.size": ("[8, 8]", "[9, 9]")}


def test_a_setting_that_was_not_given_is_told_as_such(finished: Project) -> None:
    done = finished.call("status", finished.spec, "--set", "split.test=0.3", "--set", "convert.range=[0, 99]")
    assert "  convert.range: not given -> ValueRange(low=0, high=99" in done.stdout
    done = finished.call("status", finished.spec, "--set", "split.test=0.3")
    assert "  split.test: not given -> 0.3" in done.stdout.splitlines()


def test_of_long_lists_the_place_where_they_differ_is_shown(project: Project) -> None:
    names = [f"kind{number:03d}" for number in range(60)]
    project.draw(**dict.fromkeys(names, 1))
    assert project.call("convert", project.spec).returncode == 0
    (project.source / "kind055").rename(project.source / "kind055b")
    said = stages(project)["convert"]["reasons"][0]
    assert said.startswith("classes: ... ")
    assert "'kind055', 'kind056'" in said
    assert "'kind055b', 'kind056'" in said
    assert len(said) <= 170


def test_of_many_damaged_files_the_first_are_named(new_project: Callable[..., Project], tmp_path: Path) -> None:
    project = new_project(tmp_path / "images", **SECTIONS, convert={"size": [8, 8], "shard_size": 192})
    project.draw(apple=9)
    assert project.call("convert", project.spec).returncode == 0
    for path in (project.output / "convert").glob("shard-*"):
        path.unlink()
    found = stages(project)["convert"]
    assert found["reasons"][1::5] == ["shard-00000-of-00009.h5 is gone", "and 4 more files"]
    assert len(found["reasons"]) == 7


def test_an_interrupted_stage_is_told(finished: Project) -> None:
    (finished.output / "convert" / "dataset.json").unlink()
    assert stages(finished)["convert"]["reasons"][1] == "dataset.json is gone"
    assert stages(finished, "--set", "seed=9")["convert"]["reasons"] == [
        "dataset.json is gone: a run was interrupted",
        "seed: 3 -> 9",
    ]


def test_a_renamed_dataset_is_renamed_in_every_stage(finished: Project) -> None:
    more = {"augment": {"per_image": 1, "transforms": ["rotate"]}}
    finished.write(**more)
    assert finished.call("run", finished.spec, "--no-gate").returncode == 0
    finished.write(**more, name="another")
    assert finished.call("run", finished.spec, "--no-gate").returncode == 0
    assert {finished.manifest(stage)["name"] for stage in ("convert", "split", "augment", "pack")} == {"another"}


def test_a_wrong_spec_is_refused(finished: Project) -> None:
    done = finished.call("status", finished.spec, "--set", "convert.sise=[9, 9]")
    assert (done.returncode, done.stdout) == (2, "")
    assert "convert.sise: unknown key" in done.stderr
