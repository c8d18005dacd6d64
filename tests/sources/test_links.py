import os
from pathlib import Path

import pytest

from imgprep.sources.directory import Directory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A class of links into a cache, in which links lead back and on."""
    cat, cache = tmp_path / "images" / "cat", tmp_path / "cache"
    cat.mkdir(parents=True)
    (cache / "more").mkdir(parents=True)
    (cache / "f1").write_bytes(b"abc")
    (cache / "more" / "2.jpg").write_bytes(b"def")
    (cache / "more" / "back").symlink_to(tmp_path / "images")
    (cache / "more" / "self").symlink_to(cache)
    (cat / "1.jpg").symlink_to("../../cache/f1")
    (cat / "zero.jpg").symlink_to("/dev/zero")
    (cat / "all").symlink_to(cache / "more")
    (cat / "up").symlink_to(tmp_path)
    os.mkfifo(cache / "pipe")
    (cat / "pipe.jpg").symlink_to(cache / "pipe")
    return tmp_path / "images"


def test_links_lead_anywhere_when_asked_for(root: Path) -> None:
    source = Directory(root, follow_links="anywhere")
    found = {sample.id: sample for sample in source.samples()}
    good = {name: source.read(sample) for name, sample in found.items() if sample.status == "ok"}
    assert good == {"cat/1.jpg": b"abc", "cat/all/2.jpg": b"def"}
    assert found["cat/1.jpg"].label == "cat"
    reasons = {name: sample.reason for name, sample in found.items() if sample.status == "quarantined"}
    assert reasons == {
        "cat/zero.jpg": "not a regular file: device",
        "cat/pipe.jpg": "not a regular file: named pipe",
        "cat/up/": "link to a folder above it",
        "cat/all/back/": "link to a folder above it",
        "cat/all/self/": "link to a folder above it",
    }


def test_links_stay_inside_by_default(root: Path) -> None:
    found = list(Directory(root).samples())
    assert {sample.status for sample in found} == {"quarantined"}
    assert {sample.reason for sample in found} == {
        "link that leads out of the source folder",
        "link to a folder above it",
    }


def test_links_that_multiply_end(tmp_path: Path) -> None:
    cat = tmp_path / "images" / "cat"
    cat.mkdir(parents=True)
    for level in range(12):
        (tmp_path / f"d{level}").mkdir()
        for name in ("a", "b"):
            (tmp_path / f"d{level}" / name).symlink_to(tmp_path / f"d{level + 1}")
    (cat / "in").symlink_to(tmp_path / "d0")
    reasons = [sample.reason for sample in Directory(tmp_path / "images", follow_links="anywhere").samples()]
    assert set(reasons) == {"more than 4 links to folders, one in another"}
    assert len(reasons) == 16
