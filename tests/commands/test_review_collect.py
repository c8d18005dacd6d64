"""The tables of several reviewers in one."""

import csv
from pathlib import Path

import pytest

from imgprep.commands.main import collect_reviews
from imgprep.errors import RequestError

HEADER = "id,label,reviewed_label\n"


def table(path: Path, **answers: str) -> Path:
    rows = (f"{name[:3]}/{name[3:].zfill(4)}.png,{name[:3]},{answer}\n" for name, answer in answers.items())
    path.write_text(HEADER + "".join(rows))
    return path


def test_they_are_merged_and_what_they_differ_on_is_left_open(request_for, tmp_path):
    anna = table(tmp_path / "anna.csv", ash0="ash", ash1="oak", oak0="?", oak1="?", elm0="none")
    ben = table(tmp_path / "ben.csv", ash0="ash", ash1="elm", oak0="oak", oak1="?", elm0="none")
    found = collect_reviews(request_for(), [anna, ben], tmp_path / "both.csv")
    with (tmp_path / "both.csv").open(newline="") as file:
        rows = {row["id"]: (row["label"], row["reviewed_label"], row["reviewers"]) for row in csv.DictReader(file)}
    assert rows == {
        "ash/0000.png": ("ash", "ash", ""),
        "ash/0001.png": ("ash", "", "anna: oak; ben: elm"),
        "oak/0000.png": ("oak", "oak", ""),
        "oak/0001.png": ("oak", "?", ""),
        "elm/0000.png": ("elm", "none", ""),
    }
    assert (found.images, found.unsure) == (5, 1)
    said = found.text().splitlines()
    # Of three, two agree; by chance 1/9 + 1/9 would: kappa (2/3 - 2/9) / (1 - 2/9) = 4/7.
    assert said[0].startswith("anna and ben: the same label for 2 of 3 images; Cohen's kappa 0.57 ")
    assert said[1:3] == ["they differ on 1 image:", "  ash/0001.png: oak (anna), elm (ben)"]
    assert said[3] == f"{tmp_path / 'both.csv'}: 5 images, 1 of them left open"


def test_a_table_that_is_filled_in_is_kept(request_for, tmp_path):
    anna = table(tmp_path / "anna.csv", ash0="ash")
    (tmp_path / "x").mkdir()
    other = table(tmp_path / "x" / "anna.csv", ash0="oak")
    with pytest.raises(RequestError, match="holds labels already"):
        collect_reviews(request_for(), [anna, other], table(tmp_path / "both.csv", ash0="elm"))
    found = collect_reviews(request_for(force=True), [anna, other], tmp_path / "both.csv")
    assert set(found.found.differ["ash/0000.png"]) == {str(anna), str(other)}
    for tables, said in (([anna, anna], "named twice"), ([anna, tmp_path / "both.csv"], "one of the tables")):
        with pytest.raises(RequestError, match=said):
            collect_reviews(request_for(force=True), tables, tmp_path / "both.csv")
