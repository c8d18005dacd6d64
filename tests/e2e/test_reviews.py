"""Reviews of labels from outside: what is drawn, how a table may be filled in, and what is refused."""

import csv
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

NAME = unicodedata.normalize("NFC", "café.png")


@pytest.fixture
def animals(tmp_path: Path, new_project: Callable[..., Any]) -> Any:
    """A project of 20 cats and 20 dogs, two of which are no images."""
    random = np.random.default_rng(7)
    folder = tmp_path / "animals"
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 256, (12, 12, 3), np.uint8)
            assert cv2.imwrite(str(folder / label / f"{number:02d}.png"), pixels)
    (folder / "cat/03.png").write_bytes(b"")
    (folder / "dog/11.png").write_bytes((folder / "dog/11.png").read_bytes()[:200])
    (folder / "cat/05.png").rename(folder / "cat" / NAME)
    return new_project(folder, audit={"rules": {"class-size": {"min": 1}, "unreadable": {"severity": "warning"}}})


@pytest.fixture
def judged(animals: Any) -> Callable[..., dict[str, Any]]:
    """Writes a table, audits with it, and gives what is said of labels."""

    def call(text: str, name: str = "review.csv") -> dict[str, Any]:
        (animals.folder / name).write_text(text, "utf-8")
        setting = f"audit.rules.label-errors.review={name}"
        done = animals.call("audit", animals.spec, "--format", "json", "--set", setting)
        assert done.returncode in {0, 1}, done.stderr
        (finding,) = (each for each in json.loads(done.stdout)["findings"] if each["rule"] == "label-errors")
        return finding

    return call


def refused(animals: Any, text: str) -> str:
    (animals.folder / "review.csv").write_text(text, "utf-8")
    done = animals.call("audit", animals.spec, "--set", "audit.rules.label-errors.review=review.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert not (animals.output / "audit/report.json").exists()
    return done.stderr


def test_unreadable_files_are_not_drawn(animals):
    table = animals.folder / "r.csv"
    done = animals.call("review", animals.spec, "--sample", 40, "-o", table)
    assert done.returncode == 0, done.stderr
    with table.open(encoding="utf-8", newline="") as file:
        drawn = {row["id"] for row in csv.DictReader(file)}
    assert len(drawn) == 38
    assert not drawn & {"cat/03.png", "dog/11.png"}
    assert "left out: 2 images that cannot be read" in done.stdout
    assert animals.call("review", animals.spec, "--sample", 12, "-o", table, "--force").returncode == 0
    labels = [line.split("/")[0] for line in table.read_text("utf-8").splitlines()[1:]]
    assert (labels.count("cat"), labels.count("dog")) == (6, 6)


def test_a_question_mark_is_no_wrong_label(judged):
    finding = judged("id,label,reviewed_label\ncat/00.png,cat,cat\ncat/01.png,cat,?\ndog/00.png,dog,Unsure\n")
    assert (finding["observed"], finding["samples"]) == (0, [])
    assert "0 of 1 reviewed" in finding["message"]
    assert "2 images were marked as unsure and left out of the sample" in finding["message"]


def test_a_label_that_is_no_class_is_refused_with_file_and_line(animals):
    said = refused(animals, "id,label,reviewed_label\ncat/00.png,cat,cat\ndog/00.png,dog,Dgo\ncat/01.png,cat,horse\n")
    first, second = said.splitlines()
    assert "review.csv:3: the label 'Dgo' is no class; did you mean 'dog'?" in first
    assert "review.csv:4: the label 'horse' is no class; the classes are cat, dog" in second


def test_two_answers_about_one_image_are_refused(animals):
    assert "review.csv:3: cat/00.png is there twice, first in line 2" in refused(
        animals, "id,label,reviewed_label\ncat/00.png,cat,cat\ncat\\00.png,cat,dog\n"
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_as_people_fill_it_in(judged, delimiter):
    rows = [
        ("ID", "Label", "Reviewed_Label", "note"),
        ("cat/00.png", "cat", " Cat ", ""),
        (unicodedata.normalize("NFD", f"cat/{NAME}"), "cat", "DOG", "?"),
        ("dog\\00.png", "dog", "dog", ""),
        ("dog/01.png", "dog", "", "not yet"),
        ("dog/02.png", "dog", "none", "a fox"),
    ]
    finding = judged("\ufeff" + "".join(delimiter.join(row) + "\r\n" for row in rows))
    assert "2 of 4 reviewed" in finding["message"]
    assert sorted(finding["samples"]) == [f"cat/{NAME}", "dog/02.png"]


def test_what_is_left_out_is_said_as_it_is(judged):
    finding = judged("id,label,reviewed_label\ncat/00.png,cat,cat\ncat/03.png,cat,cat\ncat/99.png,cat,cat\n")
    assert "1 image was reviewed but unusable" in finding["message"]
    assert "1 image was reviewed but not in the collection: cat/99.png" in finding["message"]


def test_the_recipe_that_review_prints_works_from_anywhere(animals, monkeypatch, imgprep, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = imgprep("review", animals.spec, "--sample", 10, "-o", "drawn/r.csv", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    filled = elsewhere / "drawn/r.csv"
    lines = filled.read_text("utf-8").splitlines()
    filled.write_text("\n".join([lines[0], *(line + line.split(",")[1] for line in lines[1:])]), "utf-8")
    assert str(filled) in done.stdout.splitlines()[-1]
    for path in ("drawn/r.csv", filled):
        setting = f"audit.rules.label-errors.review={path}"
        done = imgprep("audit", animals.spec, "--format", "json", "--set", setting, cwd=elsewhere)
        (finding,) = (each for each in json.loads(done.stdout)["findings"] if each["rule"] == "label-errors")
        assert "0 of 10 reviewed" in finding["message"]
    done = imgprep("audit", animals.spec, "--set", "audit.rules.label-errors.review=r.csv", cwd=elsewhere)
    assert done.returncode == 2
    assert "r.csv: cannot read the review: no such file; draw one with imgprep review" in done.stderr
