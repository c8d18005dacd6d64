"""`init` then `run` works on any sane folder, and says what it found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from imgprep.util.rng import rng

Call = Callable[..., Any]


def draw(path: Path, number: int, shape: tuple[int, ...] = (24, 32, 3), dtype: Any = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = rng(7, str(number))
    small = random.integers(0, np.iinfo(dtype).max, (5, 6, *shape[2:]), dtype)
    image = cv2.resize(small, shape[1::-1], interpolation=cv2.INTER_CUBIC)
    assert cv2.imwrite(str(path), image)


def several(folder: Path, classes: dict[str, int], **options: Any) -> None:
    number = 0
    for name, count in classes.items():
        for index in range(count):
            draw(folder / name / f"{index}.png", number, **options)
            number += 1


def mixed_sizes(folder: Path) -> None:
    for number in range(24):
        draw(folder / "ab"[number % 2] / f"{number}.png", number, (60 + 9 * (number % 5), 200 - 7 * number, 3))


def with_duplicates(folder: Path) -> None:
    several(folder, {"cat": 12, "dog": 12})
    for number in range(3):
        (folder / "cat" / f"copy{number}.png").write_bytes((folder / "cat" / f"{number}.png").read_bytes())


def with_a_conflict(folder: Path) -> None:
    several(folder, {"cat": 12, "dog": 12})
    (folder / "dog" / "cat.png").write_bytes((folder / "cat" / "3.png").read_bytes())


def with_unreadable(folder: Path) -> None:
    several(folder, {"cat": 12, "dog": 12})
    whole = (folder / "dog" / "1.png").read_bytes()
    (folder / "dog" / "1.png").write_bytes(whole[: len(whole) // 2])


def with_splits(folder: Path) -> None:
    several(folder / "train", {"cat": 9, "dog": 9})
    for number, name in enumerate(("cat", "dog", "cat", "dog")):
        draw(folder / "test" / name / f"{number}.png", 100 + number)


def one_in_a_class(folder: Path) -> None:
    several(folder, {"cat": 12, "dog": 1})


def alike(folder: Path) -> None:
    """Digits of a kind: strangers that look alike."""
    for number in range(40):
        image = np.zeros((28, 28), np.uint8)
        cv2.putText(image, str(number % 2), (6 + number % 3, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.7 + number / 200, 255, 2)
        path = folder / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), image)


def label_in_name(folder: Path) -> None:
    for number in range(24):
        draw(folder / f"{('cat', 'Maine_Coon')[number % 2]}_{number:03}.png", number)


def label_in_name_of_splits(folder: Path) -> None:
    for number in range(30):
        side = "train" if number % 5 else "test"
        draw(folder / side / f"{('cat', 'dog')[number % 2]}.{number}.png", number)


def with_a_stray_file(folder: Path) -> None:
    label_in_name(folder)
    draw(folder / "cover.png", 99)


def tabled(folder: Path, header: str, row: Callable[[int], str]) -> None:
    """A table beside its images; each row begins with the name of the file."""
    for number in range(60):
        draw(folder / "photos" / f"{number:03}.png", number)
    rows = [f"photos/{number:03}.png,{row(number)}" for number in range(60)]
    (folder / "table.csv").write_text("\n".join([f"file,{header}", *rows]) + "\n")


def finding(number: int) -> str:
    return ("benign", "malignant")[number % 2]


def with_patients(folder: Path) -> None:
    tabled(folder, "finding,patient_id,site", lambda n: f"{finding(n)},P{n // 4:02},{'ABC'[n % 3]}")


def with_a_column_of_splits(folder: Path) -> None:
    splits = ("train", "train", "train", "val", "test")
    tabled(folder, "finding,phase,PatientID", lambda n: f"{finding(n)},{splits[n % 5]},P{n // 4:02}")


SANE: dict[str, Callable[[Path], None]] = {
    "two classes": lambda folder: several(folder, {"cat": 20, "dog": 20}),
    "few images in a class": lambda folder: several(folder, {"cat": 20, "dog": 3}),
    "one image in a class": one_in_a_class,
    "three images in each class": lambda folder: several(folder, {"a": 3, "b": 3, "c": 3}),
    "one class": lambda folder: several(folder, {"cat": 20}),
    "grey images": lambda folder: several(folder, {"cat": 12, "dog": 12}, shape=(24, 32)),
    "16 bits": lambda folder: several(folder, {"cat": 12, "dog": 12}, dtype=np.uint16),
    "mixed sizes": mixed_sizes,
    "duplicates": with_duplicates,
    "one image in two classes": with_a_conflict,
    "an unreadable image": with_unreadable,
    "given splits": with_splits,
    "an empty folder": lambda folder: (several(folder, {"cat": 12, "dog": 12}), (folder / "bird").mkdir())[0],
    "a hierarchy": lambda folder: several(folder, {"pets/cat": 12, "pets/dog": 12, "wild/fox": 12}),
    "look-alikes": alike,
    "the label in the file name": label_in_name,
    "the label in the file name, in folders of splits": label_in_name_of_splits,
    "a file without a label": with_a_stray_file,
    "a table with patients": with_patients,
    "a table with splits of another name": with_a_column_of_splits,
    "a class called no": lambda folder: several(folder, {"no": 12, "yes": 12}),
}


@pytest.mark.parametrize("case", SANE)
def test_init_then_run_works(tmp_path: Path, imgprep: Call, case: str) -> None:
    SANE[case](tmp_path / "images")
    table = tmp_path / "images" / "table.csv"
    done = imgprep("init", table if table.exists() else "images", "-o", "spec.yaml")
    assert done.returncode == 0, done.stderr
    done = imgprep("run", "spec.yaml", "--set", "execution.engine=serial")
    assert done.returncode == 0, done.stderr + done.stdout


def source_of(folder: Path) -> dict[str, Any]:
    source: dict[str, Any] = yaml.safe_load((folder / "spec.yaml").read_text())["source"]
    return source


def test_labels_in_file_names_are_found_and_said(tmp_path: Path, imgprep: Call) -> None:
    with_a_stray_file(tmp_path / "images")
    done = imgprep("init", "images", "-o", "spec.yaml")
    assert "layout directory: 24 images of 2 classes: Maine_Coon 12, cat 12" in done.stderr
    assert "labels are in the names of the files: source.label_from ^(.+?)_[0-9]+[.][^.]+$" in done.stderr
    assert "1 image cannot be used, such as cover.png" in done.stderr
    assert source_of(tmp_path)["label_from"] == "^(.+?)_[0-9]+[.][^.]+$"


def test_the_user_says_where_the_label_is(tmp_path: Path, imgprep: Call) -> None:
    for number in range(8):
        draw(tmp_path / "images" / f"{number}_{number % 2}.png", number)
    done = imgprep("init", "images", "-o", "spec.yaml", "--label-from", "_([01])")
    assert done.returncode == 0, done.stderr
    assert "8 images of 2 classes: 0 4, 1 4" in done.stderr
    assert source_of(tmp_path)["label_from"] == "_([01])"
    done = imgprep("init", "images", "-o", "spec.yaml", "--force", "--label-from", "_[01]")
    assert done.returncode == 2
    assert "--label-from: has no group" in done.stderr
    done = imgprep("init", "images", "-o", "spec.yaml", "--force", "--label-from", "^(.*)_")
    assert done.returncode == 0
    done = imgprep("init", "images", "-o", "spec.yaml", "--force", "--label-from", "_([^x]*)$")
    assert done.returncode == 0
    draw(tmp_path / "images" / "a" / "b_1.png", 9)
    done = imgprep("init", "images", "-o", "spec.yaml", "--force", "--label-from", "^(.*)_")
    assert done.returncode == 2
    assert "label_from: a/b_1.png: a class cannot be called 'a/b'" in done.stderr
    done = imgprep("init", "images", "-o", "spec.yaml", "--force", "--label-from", "x(y)")
    assert done.returncode == 2
    assert "no images in the layout directory" in done.stderr


def test_labels_in_paths_are_not_asked_of_what_has_none(tmp_path: Path, imgprep: Call) -> None:
    np.savez(tmp_path / "a.npz", image=np.zeros((4, 8, 8), np.uint8), label=np.array([0, 1, 0, 1]))
    done = imgprep("init", "a.npz", "-o", "spec.yaml", "--label-from", "(a)")
    assert done.returncode == 2
    assert "--label-from (a): the layout npz has no paths with labels in them" in done.stderr
    done = imgprep("init", "a.npz", "-o", "spec.yaml", "--label", "a")
    assert done.returncode == 2
    assert "--label a: only tables have columns" in done.stderr
    (tmp_path / "shard").mkdir()
    for number in range(6):
        draw(tmp_path / "shard" / f"{'ab'[number % 2]}{number}.png", number)
        (tmp_path / "shard" / f"{'ab'[number % 2]}{number}.json").write_text(f'{{"label": 0, "kind": "k{number % 3}"}}')
    shutil.make_archive(str(tmp_path / "0"), "tar", tmp_path / "shard")
    for option, value, classes in (
        ("--label", "kind", "6 images of 3 classes: k"),
        ("--label-from", "#([ab])", "6 images of 2 classes: "),
    ):
        done = imgprep("init", "0.tar", "-o", "spec.yaml", "--force", option, value)
        assert done.returncode == 0, done.stderr
        assert classes in done.stderr


def test_images_without_labels_get_a_spec_to_audit(tmp_path: Path, imgprep: Call) -> None:
    for number in range(8):
        draw(tmp_path / "images" / f"IMG_{number}.png", number)
    done = imgprep("init", "images", "-o", "spec.yaml")
    assert done.returncode == 0, done.stderr
    assert "layout directory: 8 images without labels, which can be audited, and no more" in done.stderr
    assert "look through it, then: imgprep audit spec.yaml" in done.stderr
    assert source_of(tmp_path)["labels"] == "none"
    done = imgprep("audit", "spec.yaml")
    assert done.returncode == 0, done.stderr + done.stdout
    done = imgprep("run", "spec.yaml")
    assert done.returncode == 2
    assert "a dataset needs labels" in done.stderr


def test_columns_of_groups_and_splits_are_said_and_kept(tmp_path: Path, imgprep: Call) -> None:
    with_patients(tmp_path / "images")
    said = imgprep("init", "images/table.csv", "-o", "spec.yaml").stderr
    assert "columns: finding as label, file as location" in said
    assert "column patient_id: 15 groups of up to 4 images, which the split keeps together (split.group)" in said
    assert "column site: 3 groups of up to 20 images, a comment in the spec: too few or too large" in said
    spec = yaml.safe_load((tmp_path / "spec.yaml").read_text())
    assert spec["split"]["group"] == "patient_id"
    assert "  # group: site " in (tmp_path / "spec.yaml").read_text()
    with_a_column_of_splits(tmp_path / "other")
    said = imgprep("init", "other/table.csv", "-o", "other.yaml").stderr
    assert "columns: finding as label, file as location, phase as split" in said
    assert "column PatientID: 15 groups of up to 4 images, for the audit of the given splits (split.group)" in said
    spec = yaml.safe_load((tmp_path / "other.yaml").read_text())
    assert spec["source"]["split_column"] == "phase"
    assert spec["split"]["method"] == "predefined"
    assert spec["audit"]["rules"]["split-leakage"] == {"severity": "warning"}  # P00 is in train and validation


def test_a_table_among_the_images_gives_attributes_and_groups(tmp_path: Path, imgprep: Call) -> None:
    several(tmp_path / "images", {"cat": 24, "dog": 24})
    ids = [f"{name}/{index}.png" for name in ("cat", "dog") for index in range(24)]
    rows = [f"{id_},{'AB'[number % 2]}{number // 4}" for number, id_ in enumerate(ids)]
    (tmp_path / "images" / "about.csv").write_text("\n".join(["id,owner", *rows]) + "\n")
    done = imgprep("init", "images", "-o", "spec.yaml")
    assert "table about.csv is of these images (source.attributes): owner" in done.stderr
    assert "column owner: 24 groups of up to 2 images, which the split keeps together (split.group)" in done.stderr
    assert source_of(tmp_path)["attributes"] == "images/about.csv"
    done = imgprep("split", "spec.yaml")
    assert done.returncode == 0, done.stderr
    sides: dict[str, set[str]] = {}
    for line in (tmp_path / "build" / "images" / "split" / "samples.jsonl").read_text().splitlines():
        if (record := json.loads(line))["status"] == "ok":
            sides.setdefault(record["attributes"]["owner"], set()).add(record["split"])
    assert len(sides) == 24
    assert all(len(side) == 1 for side in sides.values())


def test_tables_beside_images_without_labels_are_said(tmp_path: Path, imgprep: Call) -> None:
    for number in range(4):
        draw(tmp_path / "images" / f"{number}.png", number)
    (tmp_path / "train.csv").write_text("x,y\n1,2\n")
    said = imgprep("init", "images", "-o", "spec.yaml").stderr
    assert "beside the images: train.csv; if the labels are in one of these tables, give it to init" in said


def test_empty_folders_are_said_to_be_no_classes(tmp_path: Path, imgprep: Call) -> None:
    several(tmp_path / "images", {"cat": 4, "dog": 4})
    (tmp_path / "images" / "bird").mkdir()
    said = imgprep("init", "images", "-o", "spec.yaml").stderr
    assert "8 images of 2 classes" in said
    assert "folders without an image are not classes: bird; to keep one, list all in source.classes" in said


def test_it_says_what_it_found(tmp_path: Path, imgprep: Call) -> None:
    with_unreadable(tmp_path / "images")
    (tmp_path / "images" / "cat" / "notes.txt").write_text("x")
    said = imgprep("init", "images", "-o", "spec.yaml").stderr
    assert "layout directory: 24 images of 2 classes: cat 12, dog 12" in said
    assert "height and width of 23 images looked at: 24x32" in said
    assert said.count("notes.txt") == 1
    assert "skipped: 1 not an image: .txt file (cat/notes.txt)" in said
    assert "1 image cannot be used, such as dog/1.png" in said
    assert "rules that fail by the handbook are warnings in the spec: class-size, unreadable" in said


def test_failing_rules_keep_their_thresholds_and_become_warnings(tmp_path: Path, imgprep: Call) -> None:
    with_unreadable(tmp_path / "images")
    imgprep("init", "images", "-o", "spec.yaml")
    spec = yaml.safe_load((tmp_path / "spec.yaml").read_text())
    assert spec["audit"]["rules"] == {
        "class-size": {"min": 1000, "severity": "warning"},
        "unreadable": {"severity": "warning"},
    }
    assert spec["execution"] == {"max_quarantined": 1}


@pytest.mark.parametrize(
    ("shapes", "fit"),
    [
        ([(40, 40)], "stretch"),
        ([(40, 42), (42, 40)], "stretch"),
        ([(40, 60), (60, 40)], "pad"),
        ([(30, 60)], "stretch"),
    ],
)
def test_the_fit_goes_by_the_shapes(tmp_path: Path, imgprep: Call, shapes: list[tuple[int, int]], fit: str) -> None:
    for number in range(8):
        draw(tmp_path / "images" / "ab"[number % 2] / f"{number}.png", number, (*shapes[number // 2 % len(shapes)], 3))
    imgprep("init", "images", "-o", "spec.yaml")
    assert yaml.safe_load((tmp_path / "spec.yaml").read_text())["convert"]["fit"] == fit


def test_editors_find_the_schema_beside_the_spec(tmp_path: Path, imgprep: Call) -> None:
    several(tmp_path / "images", {"cat": 4, "dog": 4})
    imgprep("init", "images", "-o", "spec.yaml")
    head = (tmp_path / "spec.yaml").read_text().partition("\n\n")[0].splitlines()
    assert "# yaml-language-server: $schema=imgprep.schema.json" in head
    schema = json.loads((tmp_path / "imgprep.schema.json").read_text())
    assert schema == json.loads(imgprep("schema").stdout)
