"""`init` then `run` works on any sane folder, and says what it found."""

import json
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
    "a class called no": lambda folder: several(folder, {"no": 12, "yes": 12}),
}


@pytest.mark.parametrize("case", SANE)
def test_init_then_run_works(tmp_path: Path, imgprep: Call, case: str) -> None:
    SANE[case](tmp_path / "images")
    done = imgprep("init", "images", "-o", "spec.yaml")
    assert done.returncode == 0, done.stderr
    done = imgprep("run", "spec.yaml", "--set", "execution.engine=serial")
    assert done.returncode == 0, done.stderr + done.stdout


def test_it_says_what_it_found(tmp_path: Path, imgprep: Call) -> None:
    with_unreadable(tmp_path / "images")
    (tmp_path / "images" / "cat" / "notes.txt").write_text("x")
    said = imgprep("init", "images", "-o", "spec.yaml").stderr
    assert "layout directory: 24 images of 2 classes: cat 12, dog 12" in said
    assert "height and width of 23 images looked at: 24x32" in said
    assert "1 file is no image and is skipped, such as cat/notes.txt" in said
    assert "1 image cannot be read, such as dog/1.png" in said
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
