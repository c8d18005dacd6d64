"""Decisions about copies side by side, and about the images of a class."""

import csv
import shutil
from pathlib import Path

import pytest

from imgprep.commands.main import open_review
from imgprep.commands.review_draw import Choice
from imgprep.errors import RequestError

TABLE = "id,action,value,reason,rule,by,at\n"


def decided(path: Path) -> set[tuple[str, str, str, str]]:
    with path.open(newline="") as file:
        return {(row["id"], row["action"], row["value"], row["rule"]) for row in csv.DictReader(file)}


def test_copies_that_nobody_has_decided_about_are_asked_about(request_for, collection, tmp_path):
    for name, copy in (("ash/0000", "ash/copy"), ("oak/0000", "elm/copy"), ("ash/0001", "ash/left-out")):
        shutil.copy(collection / f"{name}.png", collection / f"{copy}.png")
    path = tmp_path / "decisions.csv"
    path.write_text(f"{TABLE}ash/left-out.png,exclude,,,,,\n")
    session = open_review(request_for(), Choice(mode="duplicates", table=path))
    asked = {tuple(session.images[image].id for image in group.images): group.rule for group in session.groups}
    assert asked == {
        ("elm/copy.png", "oak/0000.png"): "label-conflict",
        ("ash/0000.png", "ash/copy.png"): "duplicate",
    }
    numbers = {image.id: number for number, image in enumerate(session.images)}
    place = [group.rule for group in session.groups].index("label-conflict")
    session.answer(place, [[numbers["elm/copy.png"], "relabel", "oak"]])
    assert decided(path) == {
        ("ash/left-out.png", "exclude", "", ""),
        ("elm/copy.png", "relabel", "oak", "label-conflict"),
    }


def test_a_gallery_shows_a_class_with_its_decisions_which_can_be_taken_back(request_for, tmp_path):
    path = tmp_path / "decisions.csv"
    path.write_text(f"{TABLE}oak/0001.png,exclude,,blurred,,,\nash/0000.png,relabel,elm,,,,\n")
    session = open_review(request_for(), Choice(mode="gallery", label="oak", table=path))
    assert [image.id for image in session.images] == [f"oak/000{number}.png" for number in range(3)]
    assert session.answers == [(), ((1, "exclude", ""),), ()]
    session.answer(1, [])
    session.answer(2, [[2, "relabel", "ash"]])
    assert decided(path) == {("ash/0000.png", "relabel", "elm", ""), ("oak/0002.png", "relabel", "ash", "")}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"mode": "duplicates"}, "--mode duplicates: there is nothing to decide"),
        ({"mode": "gallery", "label": "aash"}, "--class: unknown class 'aash'; did you mean 'ash'?"),
    ],
)
def test_where_there_is_nothing_to_decide_that_is_said(request_for, tmp_path, choice, said):
    with pytest.raises(RequestError) as refused:
        open_review(request_for(), Choice(table=tmp_path / "decisions.csv", **choice))
    assert said in str(refused.value)
    assert not (tmp_path / "decisions.csv").exists()
