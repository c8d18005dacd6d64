"""What belongs together and how it is divided: the audit and the split say the same, before anything is converted."""

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.specs import write_spec

Call = Callable[..., subprocess.CompletedProcess[str]]
OFF = {"class-size": {"min": 1}, "none-class": {"severity": "off"}}


def draw(path: Path, seed: int) -> None:
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(small, (40, 40), interpolation=cv2.INTER_CUBIC))


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def specify(folder: Path, source: dict[str, Any], **sections: Any) -> Path:
    content = {"name": "test", "audit": {"rules": OFF}, "convert": {"size": [16, 16]}}
    return write_spec(folder, source, **content | sections)


def failures(done: subprocess.CompletedProcess[str], rule: str) -> dict[str | None, dict[str, Any]]:
    """The failed findings of a rule by class."""
    report = json.loads(done.stdout)
    return {f["class"]: f for f in report["findings"] if f["rule"] == rule and f["status"] == "fail"}


def patients(folder: Path, crossing: bool) -> list[dict[str, str]]:
    """Twelve images of four patients and two classes; patient 1 is on both sides when they cross."""
    rows = []
    for number in range(12):
        name = f"p{number // 3}_{number}.png"
        draw(folder / name, number)
        late = number // 3 == 3 or (crossing and number == 5)
        split = "test" if number // 3 == 2 or late else "train"
        rows.append({"location": name, "label": "ab"[number % 2], "patient": f"patient {number // 3}", "split": split})
    return rows


@pytest.mark.parametrize("group", ["patient", r"^(p\d+)_"])
@pytest.mark.parametrize("method", ["predefined", None])
def test_a_patient_on_both_sides_fails_the_audit_before_anything_is_converted(
    tmp_path: Path, imgprep: Call, group: str, method: str | None
) -> None:
    table = write_table(tmp_path / "table.csv", patients(tmp_path, crossing=True))
    split = {"group": group} | ({"method": method} if method else {})
    spec = specify(tmp_path, {"layout": "csv", "path": str(table)}, split=split)
    done = imgprep("audit", spec, "--format", "json")
    found = failures(done, "split-leakage")
    assert done.returncode == 1
    (finding,) = found.values()
    assert finding["severity"] == "error"
    assert "images of the group p" in finding["message"]
    assert finding["samples"] == ["p1_3.png", "p1_4.png", "p1_5.png"]
    done = imgprep("run", spec)
    assert done.returncode == 1
    assert "images of the group p" in done.stdout
    assert not (tmp_path / "out" / "convert").exists()


def test_patients_that_do_not_cross_pass_and_are_counted(tmp_path: Path, imgprep: Call) -> None:
    table = write_table(tmp_path / "table.csv", patients(tmp_path, crossing=False))
    spec = specify(tmp_path, {"layout": "csv", "path": str(table)}, split={"group": "patient"})
    done = imgprep("run", spec)
    assert done.returncode == 0
    assert "4 groups, 0 parted" in done.stdout
    assert "4 groups, 0 parted" in imgprep("show", tmp_path / "out" / "split").stdout
    assert "4 groups, 0 parted" in imgprep("show", tmp_path / "out").stdout
    for stage in ("split", "pack"):
        manifest = json.loads((tmp_path / "out" / stage / "dataset.json").read_text())
        assert manifest["groups"] == {"groups": 4, "parted": 0, "alone": 0}
    for stage in ("source", "convert", "split", "pack"):
        done = imgprep("audit", spec, "--stage", stage, "--format", "json")
        assert done.returncode == 0, done.stdout
        assert {f["rule"] for f in json.loads(done.stdout)["findings"]} >= {"split-leakage", "split-coverage"}


@pytest.mark.parametrize("stage", ["convert", "split", "pack"])
def test_the_stages_are_judged_by_the_same_groups(tmp_path: Path, imgprep: Call, stage: str) -> None:
    table = write_table(tmp_path / "table.csv", patients(tmp_path, crossing=True))
    spec = specify(tmp_path, {"layout": "csv", "path": str(table)}, split={"group": "patient"})
    done = imgprep("run", spec, "--no-gate")
    assert done.returncode == 0
    assert "4 groups, 1 parted" in done.stdout
    done = imgprep("audit", spec, "--stage", stage, "--format", "json")
    assert done.returncode == 1
    assert [f["samples"] for f in failures(done, "split-leakage").values()] == [["p1_3.png", "p1_4.png", "p1_5.png"]]


def two_folders(folder: Path) -> dict[str, str]:
    """train/ and test/ of two classes, three images each; the source."""
    for number, split in enumerate(("train", "test")):
        for label in ("ash", "elm"):
            for row in range(3):
                draw(folder / "images" / split / label / f"{row}.png", 100 * number + 10 * row + (label == "elm"))
    return {"layout": "split_directory", "path": str(folder / "images")}


def test_an_attribute_of_a_split_directory_is_a_group_for_the_audit_too(tmp_path: Path, imgprep: Call) -> None:
    source = two_folders(tmp_path)
    rows = [
        {"id": f"{split}/{label}/{row}.png", "nest": f"{label} {row}" if row else f"{split} {label}"}
        for split in ("train", "test")
        for label in ("ash", "elm")
        for row in range(3)
    ]
    source["attributes"] = str(write_table(tmp_path / "nests.csv", rows))
    spec = specify(tmp_path, source, split={"group": "nest"})
    done = imgprep("audit", spec, "--format", "json")
    assert done.returncode == 1
    leaks = [f for f in json.loads(done.stdout)["findings"] if f["rule"] == "split-leakage" and f["status"] == "fail"]
    assert sorted(tuple(sorted(f["samples"])) for f in leaks) == [
        (f"test/{label}/{row}.png", f"train/{label}/{row}.png") for label in ("ash", "elm") for row in (1, 2)
    ]


def test_splits_that_the_split_stage_replaces_are_not_judged(tmp_path: Path, imgprep: Call) -> None:
    source = two_folders(tmp_path)
    spec = specify(tmp_path, source, split={"method": "kfold", "folds": 2, "group": r"/(\w+/\d)\.png"})
    done = imgprep("audit", spec, "--format", "json")
    assert done.returncode == 0
    assert not failures(done, "split-leakage")
    done = imgprep("audit", spec, "--stage", "split", "--format", "json")
    assert done.returncode == 0, done.stdout
    assert json.loads((tmp_path / "out/split/dataset.json").read_text())["groups"]["parted"] == 0


def test_given_splits_that_leave_a_class_out_fail_and_the_split_says_why(tmp_path: Path, imgprep: Call) -> None:
    source = two_folders(tmp_path)
    for row in range(6):
        draw(tmp_path / "images" / "test" / "oak" / f"{row}.png", 500 + row)
    spec = specify(tmp_path, source)
    done = imgprep("run", spec)
    assert done.returncode == 1
    assert "oak has no training image: of its 6 images there are 6 in test" in done.stdout
    assert not (tmp_path / "out" / "convert").exists()
    found = failures(imgprep("audit", spec, "--format", "json"), "split-coverage")
    assert (list(found), found["oak"]["observed"], len(found["oak"]["samples"])) == (["oak"], 0, 6)
    done = imgprep("split", spec)
    assert "split train: no image of oak (6 in test): the given splits put none there" in (done.stderr)
    assert "too small" not in done.stderr
    for stage in ("split", "pack"):
        done = imgprep("audit", spec, "--stage", stage, "--format", "json")
        assert list(failures(done, "split-coverage")) == ["oak"]
        assert done.returncode == 1


def test_a_class_in_one_fold_fails(tmp_path: Path, imgprep: Call) -> None:
    for row in range(4):
        draw(tmp_path / "images" / "ash" / f"{row}.png", row)
        draw(tmp_path / "images" / "elm" / f"{row}.png", 50 + row)
    split = {"method": "kfold", "folds": 2, "group": r"(elm)|ash/\d"}
    spec = specify(tmp_path, {"layout": "directory", "path": str(tmp_path / "images")}, split=split)
    done = imgprep("audit", spec, "--stage", "split", "--format", "json")
    assert list(failures(done, "split-coverage")) == ["elm"]
    assert "elm (4 in fold-" in done.stderr
    assert "belong together" in done.stderr


def grouped(folder: Path, alone: int, own: str = "") -> dict[str, Any]:
    """Ten images, of which so many have no patient; the source."""
    rows = []
    for row in range(10):
        draw(folder / "images" / "ab"[row % 2] / f"{row}.png", row)
        rows.append({"id": f"{'ab'[row % 2]}/{row}.png", "patient": own if row < alone else f"p{row // 2}"})
    table = write_table(folder / "patients.csv", rows)
    return {"layout": "directory", "path": str(folder / "images"), "attributes": str(table)}


@pytest.mark.parametrize("command", ["run", "audit", "split", "run --dry-run"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_group_that_most_images_have_none_of_is_refused(
    tmp_path: Path, imgprep: Call, command: str, blank: str
) -> None:
    spec = specify(tmp_path, grouped(tmp_path, 6, blank), split={"group": "patient"})
    name, *options = command.split()
    done = imgprep(name, spec, *options)
    assert done.returncode == 2
    assert "split.group: 'patient' gives 6 of 10 images no group (a/0.png, a/2.png, a/4.png)" in done.stderr
    assert "spec.yaml:" in done.stderr
    assert "split.missing_group: own" in done.stderr
    assert not (tmp_path / "out" / "convert").exists()
    done = imgprep(name, spec, *options, "--set", "split.missing_group=own")
    assert done.returncode == 0
    if name == "run" and not options:
        assert "2 groups, 0 parted; 6 images without a group" in done.stdout


def test_a_few_images_without_a_group_are_counted_aloud(tmp_path: Path, imgprep: Call) -> None:
    spec = specify(tmp_path, grouped(tmp_path, 2), split={"group": "patient"})
    done = imgprep("run", spec)
    assert done.returncode == 0
    assert done.stderr.count("'patient' gives 2 of 10 images no group") == 1
    assert "4 groups, 0 parted; 2 images without a group" in done.stdout
    assert imgprep("run", spec, "--set", "split.missing_group=refuse").returncode == 2


@pytest.mark.parametrize("command", ["run", "audit", "convert", "run --dry-run"])
def test_a_table_of_which_no_row_is_of_an_image_is_refused(tmp_path: Path, imgprep: Call, command: str) -> None:
    source = grouped(tmp_path, 0)
    write_table(tmp_path / "patients.csv", [{"id": f"images/{row}.jpg", "patient": "p"} for row in range(3)])
    spec = specify(tmp_path, source)
    name, *options = command.split()
    done = imgprep(name, spec, *options)
    assert done.returncode == 2
    assert "source.attributes: no row of" in done.stderr
    assert "images/0.jpg" in done.stderr
    assert "a/0.png" in done.stderr
    assert "spec.yaml:" in done.stderr
    done = imgprep(name, spec, *options, "--set", "split.missing_group=own")
    assert done.returncode == 0


def test_a_table_that_matches_in_part_is_counted_aloud(tmp_path: Path, imgprep: Call) -> None:
    source = grouped(tmp_path, 0)
    write_table(tmp_path / "patients.csv", [{"id": f"a/{row}.png", "patient": "p"} for row in (0, 2, 99)])
    done = imgprep("audit", specify(tmp_path, source))
    assert done.returncode == 0
    assert "8 images without a row in the table" in done.stderr
    assert "1 rows without an image (a/99.png)" in done.stderr


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("patiend", "'patiend' is no attribute (there are: patient) and matches no id; did you mean 'patient'?"),
        (r"^(case\d+)_", "matches no id"),
    ],
)
@pytest.mark.parametrize("command", ["run", "audit", "split"])
def test_a_group_that_is_not_there_is_refused(
    tmp_path: Path, imgprep: Call, group: str, words: str, command: str
) -> None:
    spec = specify(tmp_path, grouped(tmp_path, 0), split={"group": group})
    done = imgprep(command, spec)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize(("name", "severity"), [("mirrored", "error"), ("turned left", "error"), ("cut", "warning")])
def test_of_small_images_a_crop_is_no_proof_of_leakage(tmp_path: Path, imgprep: Call, name: str, severity: str) -> None:
    """Of 40 x 40 pixels 5 % are two, and published splits have pairs that differ by as much."""
    import cv2

    random = np.random.default_rng(4)
    for row in range(20):
        image, fresh = (
            cv2.resize(random.integers(0, 256, (8, 8, 3), np.uint8), (40, 40), interpolation=cv2.INTER_CUBIC)
            for _ in range(2)
        )
        altered = image[2:, 1:-1] if name == "cut" else ALTER[name](image)
        for split, content in (("train", image), ("test", altered if row < 10 else fresh)):
            path = tmp_path / "images" / split / "ab"[row % 2] / f"{row:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), cv2.resize(np.ascontiguousarray(content), (40, 40)))
    source = {"layout": "split_directory", "path": str(tmp_path / "images")}
    enough = {"rules": {"class-size": {"min": 1}}}
    spec = write_spec(tmp_path, source, convert={"size": [40, 40]}, audit=enough)
    done = imgprep("audit", spec, "--format", "json")
    assert done.returncode == (severity == "error"), done.stderr
    found = [f for f in json.loads(done.stdout)["findings"] if f["status"] == "fail" and f["rule"] == "split-leakage"]
    assert found
    assert {f["severity"] for f in found} == {severity}


ALTER = {
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "turned left": np.rot90,
    "turned twice": lambda image: np.rot90(image, 2),
    "turned right": lambda image: np.rot90(image, 3),
    "cut by 2 %": lambda image: image[4:-4, 6:-6],
    "cut by 5 %": lambda image: image[10:-10, 15:-15],
}


@pytest.mark.parametrize("name", ALTER)
def test_an_altered_copy_of_a_training_image_in_test_is_found(tmp_path: Path, imgprep: Call, name: str) -> None:
    """Of 20 images of 200 x 300 pixels; the copies are encoded anew. The same images divided anew stay together."""
    import cv2

    random = np.random.default_rng(4)
    for row in range(20):
        rough = random.integers(0, 256, (8, 10, 3), np.uint8)
        image = cv2.resize(rough, (300, 200), interpolation=cv2.INTER_CUBIC)
        altered = np.ascontiguousarray(ALTER[name](image))
        fresh = cv2.resize(random.integers(0, 256, (8, 10, 3), np.uint8), (300, 200), interpolation=cv2.INTER_CUBIC)
        for split, content in (("train", image), ("test", altered if row < 10 else fresh)):
            path = tmp_path / "images" / split / "ab"[row % 2] / f"{row:02d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), content, [cv2.IMWRITE_JPEG_QUALITY, 85])
    planted = [[f"test/{'ab'[row % 2]}/{row:02d}.jpg", f"train/{'ab'[row % 2]}/{row:02d}.jpg"] for row in range(10)]
    source = {"layout": "split_directory", "path": str(tmp_path / "images")}
    spec = specify(tmp_path, source, convert={"size": [64, 96]})
    done = imgprep("audit", spec, "--format", "json")
    assert done.returncode == 1
    findings = [f for f in json.loads(done.stdout)["findings"] if f["status"] == "fail"]
    for rule, severity in (("split-leakage", "error"), ("near-duplicate", "warning")):
        mine = [f for f in findings if f["rule"] == rule]
        assert sorted(sorted(f["samples"]) for f in mine) == sorted(planted)
        assert {f["severity"] for f in mine} == {severity}
        word = "cropped" if "cut" in name else "turned" if "turned" in name else "mirrored"
        assert all(f"({word}" in f["message"] or word == "cropped" for f in mine)
    done = imgprep("split", spec, "--set", "split.method=stratified", "--set", "split.test=0.3")
    assert done.returncode == 0
    side = {}
    for split in ("train", "validation", "test"):
        with (tmp_path / "out" / "split" / f"{split}.csv").open(newline="") as file:
            side |= {row["id"]: split for row in csv.DictReader(file)}
    assert all(side[one] == side[other] for one, other in planted)
