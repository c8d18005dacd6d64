"""Shards of WebDataset: what is an image, what is its label, what costs itself."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import RequestError
from imgprep.sources.webdataset import WebDataset, holds_keys
from imgprep.table.sample import Sample
from imgprep.testing.sources import check_source
from tests.support.archives import special, tar_of


def source(folder: Path, *members: Any, name: str = "a.tar", **options: Any) -> WebDataset:
    tar_of(folder / name, members)
    return WebDataset(folder, **options)


def listed(*arguments: Any, **options: Any) -> dict[str, Sample]:
    return {sample.id: sample for sample in check_source(source(*arguments, **options))}


def test_the_fields_of_our_own_export(tmp_path: Path) -> None:
    details = {
        "id": "cat/1.jpg", "label": 3, "class": "cat", "split": "validation", "parent": "", "group": "g7",
        "sha256": "00", "attributes": {"color": "red", "n": ""},
    }  # fmt: skip
    made = source(tmp_path, ("000.png", b"pixels"), ("000.json", json.dumps(details).encode()))
    (sample,) = check_source(made)
    assert (sample.id, sample.label, sample.split, sample.group) == ("cat/1.jpg", "cat", "validation", "g7")
    assert sample.attributes == {"color": "red"}
    assert made.read(sample) == b"pixels"


def test_labels_in_cls_and_in_other_keys(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        *(("a/1.jpg", b"1"), ("a/1.cls", b"cat\n"), ("a/2.jpg", b"2"), ("a/2.cls", b"7"), ("a/2.txt", b"a caption")),
        *(
            ("3.jpeg", b"3"),
            ("3.json", b'{"label": "dog", "width": 9}'),
            ("4.png", b"4"),
            ("4.json", b'{"class_name": "eel"}'),
        ),
        *(("5.webp", b"5"), ("5.json", b"{}"), ("5.cls", b"fox"), ("6.JPG", b"6"), ("6.json", b'{"target": 2}')),
    )
    assert {name: sample.label for name, sample in found.items()} == {
        "a.tar#a/1.jpg": "cat",
        "a.tar#a/2.jpg": "7",
        "a.tar#3.jpeg": "dog",
        "a.tar#4.png": "eel",
        "a.tar#5.webp": "fox",
        "a.tar#6.JPG": "2",
    }
    assert found["a.tar#3.jpeg"].attributes == {"width": "9"}


def test_numbers_get_the_names_of_classes(tmp_path: Path) -> None:
    members = [("1.jpg", b"1"), ("1.cls", b"1")]
    assert listed(tmp_path, *members, class_names=("cat", "dog"))["a.tar#1.jpg"].label == "dog"
    with pytest.raises(RequestError, match=r"a\.tar: image 0: label 1, but 1 classes are named"):
        listed(tmp_path, *members, class_names=("cat",))


def test_the_key_of_the_label_may_be_named(tmp_path: Path) -> None:
    members = [("1.jpg", b"1"), ("1.json", b'{"label": 3, "Species": "ox"}')]
    assert listed(tmp_path, *members, label_column="species")["a.tar#1.jpg"].label == "ox"
    with pytest.raises(RequestError, match=r"a\.tar: 1: no 'breed' in its JSON, there are: label, Species"):
        listed(tmp_path, *members, label_column="breed")


def test_labels_from_ids_and_none(tmp_path: Path) -> None:
    members = [("cat_1.jpg", b"1"), ("dog_2.jpg", b"2")]
    found = listed(tmp_path, *members, label_from="#([a-z]+)_")
    assert [sample.label for sample in found.values()] == ["cat", "dog"]
    found = {sample.id: sample for sample in source(tmp_path, *members, labels="none").samples()}
    assert [(sample.label, sample.status) for sample in found.values()] == [("", "ok"), ("", "ok")]


def test_what_is_no_image_or_cannot_be_used_is_accounted_for(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        *(("1.jpg", b"1"), ("1.png", b"1"), ("1.cls", b"x"), ("2.jpg", b"2"), ("3.cls", b"x"), ("README.md", b"")),
        *(("4.jpg", b"4"), ("4.json", b"{no json"), ("../5.jpg", b"5"), ("6.jpg", b"6"), ("6.json", b"[1]")),
        (special("7.jpg", tarfile.SYMTYPE, "1.jpg"), b""),
        *(("8.jpg", b"8"), ("8.cls", b"y"), ("8.jpg", b"again"), ("._9.jpg", b""), ("10.jpg", b"t"), ("10.cls", b"")),
    )
    reasons = {name.removeprefix("a.tar#"): (sample.status, sample.reason) for name, sample in found.items()}
    assert reasons == {
        "1.jpg": ("quarantined", "several images of one key (jpg, png); set source.extension to one of them"),
        "2.jpg": ("quarantined", "no label"),
        "3.cls": ("skipped", "no image of the key 3"),
        "README.md": ("skipped", "no image of the key README"),
        "4.jpg": ("quarantined", reasons["4.jpg"][1]),
        "../5.jpg": ("quarantined", "its name leads out of the archive"),
        "6.jpg": ("quarantined", "its label cannot be read: its JSON is no object"),
        "7.jpg": ("quarantined", "link, which is not followed in a shard"),
        "8.jpg": ("quarantined", "a later member of the shard has the same name, and replaces it"),
        "8.jpg#2": ("ok", ""),
        "._9.jpg": ("skipped", "no image of the key ._9.jpg"),
        "10.jpg": ("quarantined", "its label cannot be read: empty file"),
    }
    assert "its label cannot be read: no JSON" in reasons["4.jpg"][1]
    usable = listed(tmp_path, ("1.jpg", b"1"), ("1.png", b"1"), ("1.cls", b"x"), extension=".PNG")
    assert list(usable) == ["a.tar#1.png"]


def test_copies_are_in_the_group_of_their_original(tmp_path: Path) -> None:
    def member(number: int, **details: str) -> list[tuple[str, bytes]]:
        return [(f"{number}.jpg", b"x"), (f"{number}.json", json.dumps({"class": "c", **details}).encode())]

    members = [*member(0, id="a"), *member(1, id="a#1", parent="a"), *member(2, id="b"), *member(3, id="c", group="g")]
    found = listed(tmp_path, *members)
    assert {name: sample.group for name, sample in found.items()} == {"a": "a", "a#1": "a", "b": "", "c": "g"}
    found = listed(tmp_path, *member(0, id="a#1"), *member(1, id="a"))  # without parents too
    assert {sample.group for sample in found.values()} == {"a"}


def test_ids_are_unique_over_shards(tmp_path: Path) -> None:
    for number in range(3):
        tar_of(tmp_path / f"train-{number}.tar", [("1.jpg", b"x"), ("1.json", b'{"id": 1, "class": "c"}')])
    assert [sample.id for sample in check_source(WebDataset(tmp_path))] == [
        "1",
        "train-1.tar#1.jpg",
        "train-2.tar#1.jpg",
    ]


def test_names_with_the_sign_between_shard_and_member(tmp_path: Path) -> None:
    made = source(tmp_path, ("a#1.jpg", b"1"), ("a#1.cls", b"c"), name="x#y.tar.tar")
    (sample,) = check_source(made)
    assert made.read(sample) == b"1"


def test_tars_of_webdataset_are_known_by_their_labels(tmp_path: Path) -> None:
    tar_of(tmp_path / "a.tar", [("1.jpg", b"1"), ("1.cls", b"1")])
    tar_of(tmp_path / "b.tar", [("cat/1.jpg", b"1"), ("cat/1.json", b'{"exposure": 3}')])
    tar_of(tmp_path / "c.tar", [("README.md", b"1")])
    assert [holds_keys(tmp_path / f"{name}.tar") for name in "abc"] == [True, False, False]
