"""`imgprep diff`: what differs between two outputs, datasets or specs."""

import json
import shutil
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
    """Two classes, and an output `before`; what a test changes is made into `out`."""
    made = new_project(tmp_path / "images", **SECTIONS)
    made.draw(apple=12, pear=9)
    assert made.call("run", made.spec, "--output", "before").returncode == 0
    return made


def changed(project: Project, *options: object) -> Project:
    done = project.call("run", project.spec, "--no-gate", *options)
    assert done.returncode == 0, done.stderr
    return project


def found(project: Project, *arguments: object) -> dict[str, Any]:
    done = project.call("diff", *(arguments or ("before", "out")), "--format", "json")
    assert done.returncode in {0, 1}, done.stderr
    content: dict[str, Any] = json.loads(done.stdout)
    assert content["same"] == (done.returncode == 0)
    return content


def test_two_outputs_of_the_same_are_the_same(project: Project) -> None:
    content = found(changed(project))
    assert content["same"]
    assert content["classes"] == {"apple": [12, 12], "pear": [9, 9]}
    done = project.call("diff", "before", "out")
    assert (done.returncode, done.stdout) == (0, "before and out: no difference\n")
    for stage in ("convert", "split", "pack"):
        assert found(project, f"before/{stage}", f"out/{stage}")["same"]


def test_each_kind_of_change_is_told_by_id(project: Project) -> None:
    images = project.source
    new = np.random.default_rng(9).integers(0, 256, (20, 24, 3), np.uint8)
    assert cv2.imwrite(str(images / "apple" / "new.png"), new)
    (images / "apple" / "003.png").unlink()
    (images / "apple" / "004.png").rename(images / "apple" / "renamed.png")
    pixels = cv2.imread(str(images / "pear" / "005.png"))
    assert cv2.imwrite(str(images / "pear" / "005.png"), 255 - pixels)
    content = found(changed(project))
    assert content["added"] == ["apple/new.png"]
    assert content["removed"] == ["apple/003.png"]
    assert content["renamed"] == [{"id": "apple/004.png", "before": "apple/004.png", "after": "apple/renamed.png"}]
    assert content["pixels"] == ["pear/005.png"]
    assert (content["relabelled"], content["settings"]) == ([], [])
    assert content["classes"] == {"apple": [12, 12], "pear": [9, 9]}


def test_decisions_show_as_removed_and_relabelled(project: Project) -> None:
    (project.folder / "decisions.csv").write_text(
        "id,action,value,reason,rule,by,at\napple/001.png,relabel,pear,,,,\npear/002.png,exclude,,blurred,,,\n"
    )
    content = found(changed(project, "--set", "source.decisions=decisions.csv"))
    assert content["relabelled"] == [{"id": "apple/001.png", "before": "apple", "after": "pear"}]
    assert content["removed"] == ["pear/002.png"]
    assert content["classes"] == {"apple": [12, 11], "pear": [9, 9]}


def test_a_changed_split_moves_images_and_names_the_fraction(project: Project) -> None:
    changed(project, "--set", "split.test=0.5")
    content = found(project)
    splits = {}
    for name in ("before", "out"):
        lines = (project.folder / name / "split" / "samples.jsonl").read_text().splitlines()
        splits[name] = {record["id"]: record["split"] for record in map(json.loads, lines)}
    expected = [
        {"id": id_, "before": splits["before"][id_], "after": splits["out"][id_]}
        for id_ in splits["before"]
        if splits["before"][id_] != splits["out"][id_]
    ]
    assert expected
    assert content["moved"] == expected
    assert content["pixels"] == []


def test_another_size_is_a_setting_and_pixels_are_not_compared(project: Project) -> None:
    changed(project, "--set", "convert.size=[6, 6]")
    content = found(project)
    assert not content["pixels_compared"]
    assert {"id": "image.shape", "before": "(8, 8, 3)", "after": "(6, 6, 3)"} in content["settings"]
    done = project.call("diff", "before", "out")
    assert done.returncode == 1
    assert "pixels were not compared: the images have another size, type or colour" in done.stdout


def test_settings_of_later_stages_are_told_with_their_stage(project: Project) -> None:
    changed(project, "--set", "pack.normalize=unit", "--set", "pack.dtype=float32")
    content = found(project)
    told = {change["id"]: (change["before"], change["after"]) for change in content["settings"]}
    assert told["pack.image.dtype"] == ("uint8", "float32")
    assert told["pack.normalization.kind"] == ("none", "unit")
    assert content["pixels"] == []


def test_specs_differ_in_settings_and_in_what_was_made_of_them(project: Project) -> None:
    other = project.folder / "other.yaml"
    other.write_text(
        project.spec.read_text().replace("size:\n  - 8\n  - 8", "size: [8, 8]").replace("seed: 3", "seed: 4")
    )
    content = found(project, project.spec, other)
    assert content["settings"] == [{"id": "seed", "before": "3", "after": "4"}]
    done = project.call("diff", project.spec, project.spec)
    assert done.returncode == 0
    assert "images were not compared: nothing was made of" in done.stdout
    changed(project)
    assert found(project, project.spec, project.spec)["classes"] == {"apple": [12, 12], "pear": [9, 9]}


def test_the_text_names_ten_and_counts_the_rest(project: Project) -> None:
    for number in range(11):
        (project.source / "apple" / f"{number:03d}.png").unlink()
    done = changed(project).call("diff", "before", "out")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "before and out: 11 removed"
    assert "  and 1 more" in done.stdout.splitlines()
    assert "  apple  12 -> 1  (-11)" in done.stdout.splitlines()


def test_the_page_shows_images_before_and_after_and_hostile_names_as_text(project: Project) -> None:
    name = "<script>alert(1)</script>.png".replace("/", "")
    shutil.copy(project.source / "pear" / "001.png", project.source / "pear" / name)
    pixels = cv2.imread(str(project.source / "pear" / "005.png"))
    assert cv2.imwrite(str(project.source / "pear" / "005.png"), 255 - pixels)
    done = changed(project).call("diff", "before", "out", "--format", "html")
    assert done.returncode == 1
    assert "<script>" not in done.stdout
    assert "&lt;script&gt;" in done.stdout
    assert done.stdout.count("data:image/jpeg;base64,") == 3  # one added, and one before and after
    markdown = changed(project).call("diff", "before/pack", "out/pack", "--format", "markdown").stdout
    assert "<script>" not in markdown
    assert "### 1 with other pixels" in markdown


def test_a_packed_dataset_is_drawn_too(project: Project) -> None:
    settings = ("--set", "pack={dtype: float32, normalize: {standardize: channel}}")
    changed(project, *settings)
    shutil.move(project.output, project.folder / "first")
    (project.source / "apple" / "001.png").unlink()
    changed(project, *settings)
    done = project.call("diff", "first/pack", "out/pack", "--format", "html")
    assert done.returncode == 1
    assert "data:image/jpeg;base64," in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("before", "nowhere"), "nowhere: no finished imgprep dataset"),
        (("before", "spec.yaml"), "one is a spec and one a dataset; give two of a kind"),
        (("before", "before", "--format", "xml"), "--format: unknown format 'xml'"),
        (("before/convert", "before"), "have no finished stage in common"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    done = project.call("diff", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
