"""Labels that stand in the names of files, and collections without any."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import RequestError
from imgprep.settings.binding import bind
from imgprep.settings.problems import SpecError
from imgprep.settings.tables import Context
from imgprep.sources import SOURCES
from imgprep.sources.directory import Directory, Hierarchy, SplitDirectory
from imgprep.sources.label_from import LabelFromError
from imgprep.sources.records import Csv, Json
from imgprep.table.sample import Sample
from imgprep.testing.sources import check_source
from imgprep.util import time_limit


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def labels(samples: list[Sample]) -> dict[str, str]:
    return {sample.id: sample.label for sample in samples if sample.status == "ok"}


@pytest.mark.parametrize(
    ("name", "expression", "label"),
    [
        ("cat_001.jpg", "^([a-z]+)_", "cat"),
        ("n01440764_10026.JPEG", r"^(n\d{8})_\d+\.JPEG$", "n01440764"),
        ("dog.12.jpg", r"^([^.]+)\.", "dog"),
        ("Maine_Coon_7.jpg", r"^(.+)_\d+\.jpg$", "Maine_Coon"),
        ("0001 melon .png", r"^\d+(.*)\.png", "melon"),
        ("image7-5.png", r"^image\d+-(?P<label>\d)", "5"),
        ("äpfel_1.png", r"^(\w+)_\d", "äpfel"),
        ("deep/er/cat_1.jpg", r"([a-z]+)_\d+\.jpg$", "cat"),
        ("cat/1/x.jpg", "^(?P<label>[^/]+)/", "cat"),
    ],
)
def test_the_label_is_the_group_of_the_expression(tmp_path: Path, name: str, expression: str, label: str) -> None:
    touch(tmp_path, name)
    assert labels(check_source(Directory(tmp_path, label_from=expression))) == {name: label}


def test_a_file_without_a_label_is_quarantined_and_junk_is_skipped(tmp_path: Path) -> None:
    touch(tmp_path, "cat_1.jpg", "cover.jpg", "_2.jpg", "notes.txt")
    found = {sample.id: sample for sample in check_source(Directory(tmp_path, label_from="^([a-z]*)_"))}
    assert {name: (sample.status, sample.reason) for name, sample in found.items()} == {
        "cat_1.jpg": ("ok", ""),
        "cover.jpg": ("quarantined", "source.label_from does not match its path"),
        "_2.jpg": ("quarantined", "source.label_from finds an empty label"),
        "notes.txt": ("skipped", "not an image: .txt file"),
    }


def test_other_groups_are_attributes_groups_and_splits(tmp_path: Path) -> None:
    touch(tmp_path, "p7_cat_train_a.jpg", "p8_dog_test_b.jpg")
    expression = "^(?P<group>p[0-9]+)_(?P<label>[a-z]+)_(?P<split>[a-z]+)_(?P<camera>[a-z])(?P<rest>zzz)?"
    first, second = check_source(Directory(tmp_path, label_from=expression))
    assert (first.label, first.group, first.split) == ("cat", "p7", "train")
    assert (second.label, second.group, second.split) == ("dog", "p8", "test")
    assert first.attributes == {"group": "p7", "split": "train", "camera": "a", "rest": ""}


def test_labels_in_names_inside_folders_of_splits(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat.0.jpg", "train/more/dog.1.jpg", "test/dog.2.jpg", "loose.3.jpg")
    samples = check_source(SplitDirectory(tmp_path, label_from=r"([a-z]+)\.\d+\.jpg$"))
    assert [(sample.id, sample.label, sample.split) for sample in samples if sample.status == "ok"] == [
        ("test/dog.2.jpg", "dog", "test"),
        ("train/cat.0.jpg", "cat", "train"),
        ("train/more/dog.1.jpg", "dog", "train"),
    ]
    assert [sample.reason for sample in samples if sample.status != "ok"] == ["not in the folder of a split"]


def test_levels_stay_attributes_of_a_hierarchy(tmp_path: Path) -> None:
    touch(tmp_path, "farm/north/cow_1.jpg")
    (sample,) = check_source(Hierarchy(tmp_path, label_from="([a-z]+)_"))
    assert (sample.label, sample.attributes) == ("cow", {"level1": "farm", "level2": "north"})


@pytest.mark.parametrize("cls", [Csv, Json])
def test_tables_without_a_column_of_labels(tmp_path: Path, cls: Any) -> None:
    touch(tmp_path, "cat_1.jpg", "dog_2.jpg")
    path = tmp_path / ("a.csv" if cls is Csv else "a.json")
    csv, rows = "location\ncat_1.jpg\ndog_2.jpg\n", [{"location": "cat_1.jpg"}, {"location": "dog_2.jpg"}]
    path.write_text(csv if cls is Csv else json.dumps(rows))
    assert labels(check_source(cls(path, label_from="^([a-z]+)_"))) == {"cat_1.jpg": "cat", "dog_2.jpg": "dog"}
    samples = check_source(cls(path, labels="none"))
    assert labels(samples) == {"cat_1.jpg": "", "dog_2.jpg": ""}
    with pytest.raises(RequestError, match="no column 'label'"):
        list(cls(path).samples())


@pytest.mark.parametrize("cls", [Directory, Hierarchy, SplitDirectory])
def test_folders_without_labels(tmp_path: Path, cls: Any) -> None:
    touch(tmp_path, "train/a.jpg", "test/b/c.jpg", "train/notes.txt")
    source = cls(tmp_path, labels="none")
    samples = check_source(source)
    assert not source.labelled
    assert labels(samples) == {"train/a.jpg": "", "test/b/c.jpg": ""}
    assert source.declared_classes() == ()
    splits = [sample.split for sample in samples if sample.status == "ok"]
    assert splits == (["test", "train"] if cls is SplitDirectory else ["", ""])


def test_the_folders_are_no_classes_when_names_are(tmp_path: Path) -> None:
    touch(tmp_path, "a/cat_1.jpg", "b/dog_1.jpg")
    source = Directory(tmp_path, label_from="([a-z]+)_")
    assert set(labels(list(source.samples())).values()) == {"cat", "dog"}
    assert source.declared_classes() == ()
    assert Directory(tmp_path).declared_classes() == ("a", "b")


@pytest.mark.parametrize("layout", ["directory", "split_directory", "hierarchy", "csv", "json"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label_from": "([a-z"}, "is no regular expression: unterminated character set"),
        ({"label_from": "(a{1,99999999999})"}, "is no regular expression"),
        ({"label_from": "^[a-z]+_"}, "has no group"),
        ({"label_from": "(a)_(b)"}, "does not say which group is the label"),
        ({"label_from": "(?P<class>a)_"}, "does not say which group is the label"),
        ({"label_from": 7}, "expected text"),
        ({"label_from": "(a)", "labels": "none"}, "leave one of them out"),
        ({"labels": "non"}, "did you mean 'none'?"),
        ({"labels": None}, "expected inferred or none, not null"),
        ({"label_form": "(a)"}, "did you mean 'label_from'?"),
    ],
)
def test_wrong_options_are_refused_by_key(layout: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        bind(SOURCES[layout], {"path": "x", **options}, Context())
    (problem,) = caught.value.problems
    assert said in problem.text
    assert problem.keys[:1] in {(), (next(reversed(options)),), ("labels",)}


def test_a_level_is_of_folders_that_say_the_class(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="level: "):
        Hierarchy(tmp_path, level=1, label_from="(a)")


def test_a_label_that_cannot_be_a_class(tmp_path: Path) -> None:
    touch(tmp_path, "a/b_1.jpg")
    with pytest.raises(LabelFromError, match=r"a/b_1\.jpg: a class cannot be called 'a/b'"):
        list(Directory(tmp_path, label_from="^(.*)_").samples())


def test_an_expression_that_takes_years_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "SECONDS", 0.05)
    touch(tmp_path, "a" * 60 + ".jpg")
    with pytest.raises(LabelFromError, match=r"takes over 0\.05 s to search paths such as 'aaa.*; simplify"):
        list(Directory(tmp_path, label_from="((?:a+)+)!").samples())


def test_the_same_labels_are_the_same_source(tmp_path: Path) -> None:
    """What a stage is made of does not depend on how its labels were found."""
    one = Directory(tmp_path, label_from="^(cat|dog)_")
    assert repr(one) == repr(replace(one, label_from="^([a-z]+)_")) == repr(Directory(tmp_path))


@pytest.mark.parametrize("options", [{"labels": "none"}, {"label_from": "(a)"}])
def test_a_column_of_labels_that_would_not_be_read(options: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="is not read"):
        bind(Csv, {"path": "x.csv", "label_column": "breed", **options}, Context())


@pytest.mark.parametrize("cls", [Csv, Json])
def test_splits_in_a_column_of_another_name(tmp_path: Path, cls: Any) -> None:
    touch(tmp_path, "1.jpg", "2.jpg")
    path = tmp_path / ("a.csv" if cls is Csv else "a.json")
    csv = "location,label,Phase\n1.jpg,cat,train\n2.jpg,dog, val\n"
    rows = [{"location": "1.jpg", "label": "cat", "Phase": "train"}]
    rows.append({"location": "2.jpg", "label": "dog", "Phase": "val"})
    path.write_text(csv if cls is Csv else json.dumps(rows))
    samples = check_source(cls(path, split_column="phase"))
    assert [sample.split for sample in samples] == ["train", "val"]
    assert samples[0].attributes == {"Phase": "train"}
    with pytest.raises(RequestError, match=r":.: no column 'fase'"):
        list(cls(path, split_column="fase").samples())


def test_backslashes_in_tables_part_folders(tmp_path: Path) -> None:
    touch(tmp_path, "all/cat_1.jpg")
    (tmp_path / "a.csv").write_text("location\nall\\cat_1.jpg\n")
    assert labels(check_source(Csv(tmp_path / "a.csv", label_from="/([a-z]+)_"))) == {"all\\cat_1.jpg": "cat"}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_in_archives(tmp_path: Path, kind: str) -> None:
    touch(tmp_path / "flat", "cat_1.jpg", "dog_1.jpg")
    path = Path(shutil.make_archive(str(tmp_path / "a"), kind, tmp_path / "flat"))
    assert labels(check_source(Directory(path, label_from="^([a-z]+)_"))) == {"cat_1.jpg": "cat", "dog_1.jpg": "dog"}
    assert labels(check_source(Directory(path, labels="none"))) == {"cat_1.jpg": "", "dog_1.jpg": ""}
