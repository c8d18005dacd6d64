"""Collections with the label in the file name, and without labels, through the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgprep as package

Call = Callable[..., Any]
PIXELS = np.random.default_rng(8).integers(0, 256, (40, 8, 8, 3), np.uint8)
WHOLE = {"test": 0, "validation": 0, "near_duplicates": "ignore"}


def flat(folder: Path, *names: str) -> Path:
    """One folder with images of these names, no two alike."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), PIXELS[number][..., ::-1])
    return folder


@pytest.fixture
def made(tmp_path: Path, new_project: Call) -> Call:
    """A project over a folder of images of these names, with options of the source."""

    def make(names: list[str], options: dict[str, Any], **sections: Any) -> Any:
        project = new_project(flat(tmp_path / "s", *names))
        source = {"layout": "directory", "path": str(tmp_path / "s"), **options}
        project.write(source=source, split=WHOLE, **sections)
        return project

    return make


CATS = [f"{'cat' if number % 2 else 'dog'}_{number:03}.png" for number in range(12)]


def test_the_label_in_the_file_name_is_the_class(made: Call) -> None:
    project = made(CATS, {"label_from": "^([a-z]+)_"})
    done = project.call("pack", project.spec)
    assert done.returncode == 0, done.stderr
    train = package.load(project.output / "pack")
    assert train.classes == ("cat", "dog")
    for row, name in enumerate(train.ids):
        image, label = train[row]
        number = CATS.index(name)
        assert label == (0 if number % 2 else 1)
        assert (image == PIXELS[number]).all()
    assert {record["label"] for record in project.samples("pack").values()} == {"cat", "dog"}


def test_a_file_without_a_label_is_counted_aloud(made: Call) -> None:
    project = made([*CATS, "cover.png"], {"label_from": "^([a-z]+)_"})
    done = project.call("convert", project.spec)
    assert done.returncode == 3, done.stderr
    record = project.samples("convert")["cover.png"]
    assert (record["status"], record["reason"]) == ("quarantined", "source.label_from does not match its path")
    assert project.manifest("convert")["samples"]["ok"] == 12
    done = project.call("audit", project.spec)
    assert done.returncode == 1
    assert "without a class: 1 file cannot be used: source.label_from does not match its path" in done.stdout


def test_groups_and_splits_in_the_name(made: Call) -> None:
    names = [f"p{number % 3}-{'ash' if number % 2 else 'oak'}-{number}.png" for number in range(12)]
    expression = "^(?P<patient>p[0-9])-(?P<label>[a-z]+)-"
    project = made(names, {"label_from": expression})
    done = project.call("split", project.spec, "--set", "split={test: 4, validation: 0, group: patient}")
    assert done.returncode == 0, done.stderr
    sides: dict[str, set[str]] = {}
    for record in project.samples("split").values():
        sides.setdefault(record["id"].partition("-")[0], set()).add(record["split"])
    assert sorted(map(sorted, sides.values())) == [["test"], ["train"], ["train"]]


def test_splits_in_the_name_are_kept(made: Call) -> None:
    names = [f"{'train' if number < 8 else 'val'}_{name}" for number, name in enumerate(CATS)]
    project = made(names, {"label_from": "^(?P<split>[a-z]+)_(?P<label>[a-z]+)_"})
    done = project.call("split", project.spec, "--set", "split={}")
    assert done.returncode == 0, done.stderr
    found = {name: record["split"] for name, record in project.samples("split").items()}
    assert found == {name: "train" if name.startswith("train") else "validation" for name in names}


@pytest.mark.parametrize("command", ["audit", "convert", "split", "run", "pack"])
def test_an_expression_that_fits_nothing_is_refused_with_its_line(made: Call, command: str) -> None:
    project = made(CATS, {"label_from": "^([0-9]+)_"})
    done = project.call(command, project.spec)
    assert done.returncode == 2
    line = project.spec.read_text().splitlines().index("  label_from: ^([0-9]+)_") + 1
    assert (
        f"spec.yaml:{line}: source.label_from: finds no label in any of 12 paths, such as 'cat_001.png'" in done.stderr
    )
    assert not (project.output / "convert").exists()


@pytest.mark.parametrize("expression", ["^([0-9", "^cat_", "(a)(b)"])
def test_a_wrong_expression_is_refused_with_its_line(made: Call, expression: str) -> None:
    project = made(CATS, {"label_from": expression})
    done = project.call("audit", project.spec)
    assert done.returncode == 2
    assert "spec.yaml:" in done.stderr
    assert "source.label_from: " in done.stderr
    assert "Traceback" not in done.stderr


def test_images_in_no_class_folder_are_told_what_to_do(made: Call) -> None:
    done = (project := made(CATS, {})).call("audit", project.spec)
    assert done.returncode == 2
    assert "source.label_from: REGEX if the names of the files have the labels, source.labels: none if" in done.stderr


def test_listed_classes_hold_for_labels_from_names(made: Call) -> None:
    project = made(CATS, {"label_from": "^([a-z]+)_", "classes": ["eel", "dog", "cat"]})
    assert project.call("convert", project.spec).returncode == 0
    assert project.manifest("convert")["classes"] == ["eel", "dog", "cat"]
    done = project.call("convert", project.spec, "--set", "source.classes=[dog]")
    assert done.returncode == 2
    assert "'cat' is not in it" in done.stderr


def test_without_labels_the_audit_works_and_says_what_it_cannot_judge(made: Call) -> None:
    project = made([*CATS, "copy.png"], {"labels": "none"})
    (project.source / "copy.png").write_bytes((project.source / CATS[3]).read_bytes())
    (project.source / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = project.call("audit", project.spec)
    assert done.returncode == 1, done.stderr
    report = json.loads((project.output / "audit" / "report.json").read_text())
    found = {finding["rule"]: finding for finding in report["findings"]}
    assert all(finding["class"] is None for finding in report["findings"])
    needing = [finding["rule"] for finding in report["findings"] if "without labels" in finding["message"]]
    assert len(needing) == len(set(needing))
    assert {"class-size", "class-balance-mean", "label-errors", "label-conflict", "none-class"} <= set(needing)
    assert {found[rule]["status"] for rule in needing} == {"skipped"}
    assert done.stdout.count("without labels") == 1
    assert "classes" not in json.loads((project.output / "audit" / "metrics.json").read_text())
    assert found["unreadable"]["samples"] == ["broken.png"]
    assert sorted(found["duplicate"]["samples"]) == sorted(["copy.png", CATS[3]])
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", ["convert", "split", "pack", "run", "run --dry-run", "work --stage convert --part 1/2"]
)
def test_without_labels_a_dataset_is_refused_before_anything_is_written(made: Call, command: str) -> None:
    project = made(CATS, {"labels": "none"})
    name, *options = command.split()
    done = project.call(name, project.spec, *options)
    assert done.returncode == 2
    assert "source.labels: a dataset needs labels, and there are none: give them by label_from" in done.stderr
    assert not any((project.output / folder).exists() for folder in ("audit", "convert", "split", "pack"))


def test_without_labels_images_can_be_seen_and_curated_but_not_reviewed(made: Call) -> None:
    project = made([*CATS, "copy.png"], {"labels": "none"})
    (project.source / "copy.png").write_bytes((project.source / CATS[3]).read_bytes())
    assert project.call("preview", project.spec, "-o", "sheet.png").returncode == 0
    assert project.call("audit", project.spec).returncode == 0
    done = project.call("curate", project.spec)
    assert done.returncode == 0, done.stderr
    assert "exclude" in (project.folder / "decisions.csv").read_text()
    done = project.call("audit", project.spec, "--set", "source.decisions=decisions.csv", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {f["status"] for f in json.loads(done.stdout)["findings"] if f["rule"] == "duplicate"} == {"pass"}
    done = project.call("review", project.spec)
    assert done.returncode == 2
    assert "a review needs labels" in done.stderr


def test_no_labels_and_classes_contradict_each_other(made: Call) -> None:
    project = made(CATS, {"labels": "none", "classes": ["cat"]})
    done = project.call("audit", project.spec)
    assert done.returncode == 2
    assert "source.classes: labels: none says that there are no classes" in done.stderr


@pytest.mark.parametrize("layout", ["directory", "split_directory", "hierarchy"])
def test_empty_folders_are_classes_only_where_they_are_listed(tmp_path: Path, new_project: Call, layout: str) -> None:
    top = "train/" if layout == "split_directory" else "wild/" if layout == "hierarchy" else ""
    names = [f"{top}{name}/{number}.png" for name in ("ash", "oak") for number in range(3)]
    folder = flat(tmp_path / "s", *names)
    if layout == "split_directory":
        flat(folder, "test/ash/9.png")
    for empty in ("elm", "fig/deeper", ".hidden", "gum"):
        (folder / top / empty).mkdir(parents=True)
    (folder / top / "gum" / "notes.txt").write_text("no image")
    project = new_project(folder)
    source = {"layout": layout, "path": str(folder)}
    project.write(source=source, split={"near_duplicates": "ignore"})
    above = "wild/" if layout == "hierarchy" else ""
    done = project.call("convert", project.spec)
    assert done.returncode == 0, done.stderr
    assert project.manifest("convert")["classes"] == [f"{above}ash", f"{above}oak"]
    fig = "fig/deeper" if above else "fig"
    assert f"folders without an image are not classes: {above}elm, {above}{fig}, {above}gum;" in done.stderr
    done = project.call("audit", project.spec, "--format", "json")
    subjects = {finding["class"] for finding in json.loads(done.stdout)["findings"]}
    assert subjects <= {None, f"{above}ash", f"{above}oak"}
    source["classes"] = [f"{above}{name}" for name in ("oak", "elm", "ash")]
    project.write(source=source, split={"near_duplicates": "ignore"})
    done = project.call("audit", project.spec, "--format", "json")
    (size,) = (
        finding
        for finding in json.loads(done.stdout)["findings"]
        if finding["rule"] == "class-size" and finding["class"] == f"{above}elm"
    )
    assert (size["status"], size["observed"]) == ("fail", 0)
    assert project.call("pack", project.spec).returncode == 0
    manifest = project.manifest("pack")
    assert manifest["classes"] == source["classes"]
    train = package.load(project.output / "pack", split="train")
    for name, label in zip(train.ids, train.labels.tolist(), strict=True):
        assert source["classes"][label].endswith(name.split("/")[-2])
