"""The classes of a dataset: which there are, in what order, and what each weighs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest

import imgprep as package

Call = Callable[..., Any]
WHOLE = {"test": 0, "validation": 0, "near_duplicates": "ignore"}
PIXELS = np.random.default_rng(3).integers(0, 256, (40, 8, 8, 3), np.uint8)


def fill(folder: Path, counts: dict[str, int], first: int = 0) -> Path:
    """A folder of images for each class."""
    row = first
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            assert cv2.imwrite(str(folder / name / f"{number}.png"), PIXELS[row])
            row += 1
    return folder


def labelled(folder: Path, layout: str, labels: list[int | str]) -> Path:
    """The same labels in any layout."""
    if layout in {"csv", "json"}:
        (folder / "images").mkdir()
        for row in range(len(labels)):
            assert cv2.imwrite(str(folder / "images" / f"{row}.png"), PIXELS[row])
        rows = [{"label": str(label), "location": f"images/{row}.png"} for row, label in enumerate(labels)]
        path = folder / f"a.{layout}"
        text = json.dumps(rows)
        if layout == "csv":
            text = "label,location\n" + "".join(f"{row['label']},{row['location']}\n" for row in rows)
        path.write_text(text, encoding="utf-8")
        return path
    path = folder / f"a.{layout}"
    if layout == "npz":
        np.savez(path, image=PIXELS[: len(labels)], label=np.array(labels))
    else:
        with h5py.File(path, "w") as file:
            file["image"], file["label"] = PIXELS[: len(labels)], np.array(labels)
    return path


def project_of(new_project: Call, source: dict[str, Any], **sections: Any) -> Any:
    """A project with a source of any layout."""
    project = new_project(Path(source["path"]))
    project.write(source=source, **sections)
    return project


def indices(output: Path) -> dict[str, int]:
    """The label that each image was packed with, by its id."""
    dataset = package.load(output, split="train")
    return dict(zip(dataset.ids, dataset.labels.tolist(), strict=True))


def test_weights_by_index_when_a_class_has_no_training_images(new_project: Call, tmp_path: Path, imgprep: Call) -> None:
    fill(tmp_path / "s" / "train", {"ash": 6, "oak": 2})
    fill(tmp_path / "s" / "test", {"ash": 1, "elm": 2, "oak": 1}, first=20)
    project = project_of(new_project, source={"layout": "split_directory", "path": str(tmp_path / "s")})
    assert imgprep("pack", project.spec, "-q").returncode == 0
    train = package.load(project.output / "pack", split="train")
    recipe = dict(enumerate(train.class_weights.values()))
    counts = np.bincount(train.labels, minlength=3)
    assert recipe == {0: 8 / (2 * 6), 1: 0.0, 2: 8 / (2 * 2)}
    assert sum(recipe[index] * count for index, count in enumerate(counts)) == len(train)
    assert list(project.manifest("pack")["class_weights"].items()) == [("ash", 8 / 12), ("elm", 0.0), ("oak", 2.0)]


def test_an_empty_folder_is_no_class_unless_it_is_listed(new_project: Call, tmp_path: Path, imgprep: Call) -> None:
    fill(tmp_path / "s", {"ash": 3, "elm": 0, "oak": 2})
    project = new_project(tmp_path / "s", split=WHOLE)
    done = imgprep("pack", project.spec)
    assert project.manifest("pack")["classes"] == ["ash", "oak"]
    assert "folders without an image are not classes: elm" in done.stderr
    done = imgprep("pack", project.spec, "--set", "source.classes=[ash, elm, oak]")
    assert project.manifest("pack")["classes"] == ["ash", "elm", "oak"]
    assert "classes without an image: elm" in done.stderr
    train = package.load(project.output / "pack")
    assert list(train.class_weights.values()) == [5 / (2 * 3), 0.0, 5 / (2 * 2)]


def test_the_list_of_classes_fixes_their_index(new_project: Call, tmp_path: Path, imgprep: Call) -> None:
    fill(tmp_path / "s", {"0": 2, "90": 2, "180": 2, "270": 2})
    project = new_project(tmp_path / "s", split=WHOLE)
    assert imgprep("pack", project.spec).returncode == 0
    assert project.manifest("pack")["classes"] == ["0", "90", "180", "270"]
    shutil.rmtree(tmp_path / "s" / "180")
    done = imgprep("pack", project.spec)
    said = "the classes are not those of the last output: gone 180; with another index 270 (3, now 2)"
    assert f"convert: {said}" in done.stderr
    assert done.stderr.count(said) == 1
    done = imgprep("pack", project.spec, "--set", "source.classes=[0, 90, 180, 270]")
    assert "with another index 270 (2, now 3)" in done.stderr
    assert {name.partition("/")[0]: label for name, label in indices(project.output / "pack").items()} == {
        "0": 0,
        "90": 1,
        "270": 3,
    }
    assert package.load(project.output / "pack").classes == ("0", "90", "180", "270")
    assert "last output" not in imgprep("pack", project.spec, "--set", "source.classes=[0, 90, 180, 270]").stderr


@pytest.mark.parametrize("layout", ["csv", "json", "npz", "hdf5"])
def test_labels_that_are_numbers_keep_their_order(
    new_project: Call, tmp_path: Path, imgprep: Call, layout: str
) -> None:
    path = labelled(tmp_path, layout, [5, 0, 10, 5])
    project = project_of(new_project, source={"layout": layout, "path": str(path)}, split=WHOLE)
    assert imgprep("pack", project.spec, "-q").returncode == 0
    assert project.manifest("pack")["classes"] == ["0", "5", "10"]
    names = [str(number) for number in range(11)]
    assert imgprep("pack", project.spec, "-q", "--set", f"source.classes={names}").returncode == 0
    assert project.manifest("pack")["classes"] == names
    assert sorted(indices(project.output / "pack").values()) == [0, 5, 5, 10]


@pytest.mark.parametrize("layout", ["npz", "hdf5"])
@pytest.mark.parametrize("key", ["classes", "class_names"])
def test_the_names_of_label_numbers(new_project: Call, tmp_path: Path, imgprep: Call, layout: str, key: str) -> None:
    path = labelled(tmp_path, layout, [2, 0, 2])
    project = project_of(
        new_project, source={"layout": layout, "path": str(path), key: ["zero", "one", "two"]}, split=WHOLE
    )
    assert imgprep("pack", project.spec, "-q").returncode == 0
    assert project.manifest("pack")["classes"] == ["zero", "one", "two"]
    assert sorted(indices(project.output / "pack").items()) == [
        (f"{path.name}#{row}", 2 * (row != 1)) for row in range(3)
    ]


@pytest.mark.parametrize("layout", ["csv", "json", "npz", "hdf5", "directory"])
def test_a_label_that_is_not_listed_ends_the_run_with_2(
    new_project: Call, tmp_path: Path, imgprep: Call, layout: str
) -> None:
    if layout == "directory":
        path, first = fill(tmp_path / "s", {"cat": 2, "dog": 3}), "dog/0.png"
    else:
        path = labelled(tmp_path, layout, ["cat", "cat", "dog", "dog", "dog"] if layout != "hdf5" else [0, 0, 7, 7, 7])
        first = "images/2.png" if layout in {"csv", "json"} else f"{path.name}#2"
    source = {"layout": layout, "path": str(path), "classes": ["cat", "dgo"] if layout != "hdf5" else [0, 1]}
    project = project_of(new_project, source=source, split=WHOLE)
    for command in ("audit", "convert", "run"):
        done = imgprep(command, project.spec)
        assert done.returncode == 2, done.stderr
        assert f"3 images, the first is '{first}'" in done.stderr
        assert ("did you mean 'dgo'?" in done.stderr) == (layout != "hdf5")
        assert not (project.output / "convert" / "dataset.json").exists()


def test_names_that_are_nearly_the_same_are_warned_of(new_project: Call, tmp_path: Path, imgprep: Call) -> None:
    fill(tmp_path / "s", {"Cat": 2, "cat": 2, "01": 2, "1": 2, "dog": 2})
    done = imgprep("convert", new_project(tmp_path / "s").spec)
    assert done.returncode == 0
    assert "classes with nearly the same name: 'Cat' and 'cat'" in done.stderr
    assert "classes with nearly the same name: '01' and '1'" in done.stderr
    assert "'dog'" not in done.stderr


def test_a_hierarchy_is_listed_by_paths(new_project: Call, tmp_path: Path, imgprep: Call) -> None:
    fill(tmp_path / "s", {"cat/persian": 2, "cat/siamese": 2, "dog/beagle": 2})
    source = {"layout": "hierarchy", "path": str(tmp_path / "s")}
    listed = ["dog/beagle", "cat/siamese", "cat/persian"]
    project = project_of(new_project, source=source | {"classes": listed}, split=WHOLE)
    assert imgprep("pack", project.spec, "-q").returncode == 0
    assert project.manifest("pack")["classes"] == listed
    project = project_of(new_project, source=source | {"level": 1, "classes": listed})
    done = imgprep("convert", project.spec, "-q")
    assert done.returncode == 2
    assert "'cat' is not in it (4 images" in done.stderr
