"""Which files a collection in shards has."""

import os
from pathlib import Path

import pytest

from imgprep.errors import RequestError
from imgprep.sources.shard_files import expand, shard_files


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names(path: Path, **options: str) -> list[str]:
    return [shard.name for shard in shard_files(path, (".tar", ".tgz"), **options)]  # type: ignore[arg-type]


def test_a_folder_a_file_and_patterns(tmp_path: Path) -> None:
    made(tmp_path, "b-000.tar", "b-001.TAR", "a.tgz", "in/c.tar", ".hidden.tar", "README.md", "__MACOSX/x.tar")
    assert names(tmp_path) == ["a.tgz", "b-000.tar", "b-001.TAR", "in/c.tar"]
    assert names(tmp_path / "b-000.tar") == ["b-000.tar"]
    assert names(tmp_path / "b-*.tar") == ["b-000.tar"]
    assert names(tmp_path / "{a,in/c}.t*") == ["a.tgz", "in/c.tar"]
    assert names(tmp_path / "**" / "*.tar") == [".hidden.tar", "__MACOSX/x.tar", "b-000.tar", "in/c.tar"]
    assert shard_files(tmp_path / "in" / "*.tar", (".tar",))[0].name == "c.tar"


def test_what_a_pattern_spells_out_must_be_there(tmp_path: Path) -> None:
    made(tmp_path, "t-00.tar", "t-01.tar")
    assert names(tmp_path / "t-{00..01}.tar") == ["t-00.tar", "t-01.tar"]
    with pytest.raises(RequestError, match=r"t-02\.tar: no such file, though source\.path names it"):
        names(tmp_path / "t-{00..02}.tar")
    with pytest.raises(RequestError, match="more than 1,000,000 files"):
        names(tmp_path / "t-{0..9999999999}.tar")
    with pytest.raises(RequestError, match=r"no files \*\.tar or \*\.tgz there"):
        names(tmp_path / "u-*.tar")
    assert list(expand("{1..3}")) == ["1", "2", "3"]


def test_splits_in_the_names_of_files_and_folders(tmp_path: Path) -> None:
    made(tmp_path, "imagenet-train-000001.tar", "val/000.tar", "test-00000-of-00002.tar", "x.tar", "contest.tar")
    found = {shard.name: shard.split for shard in shard_files(tmp_path, (".tar",))}
    assert found == {
        "contest.tar": "",
        "imagenet-train-000001.tar": "imagenet-train",
        "test-00000-of-00002.tar": "test",
        "val/000.tar": "val",
        "x.tar": "",
    }


def test_links_out_of_the_folder_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    made(tmp_path, "blobs/1", "shards/a.tar")
    link = tmp_path / "shards" / "b.tar"
    link.symlink_to("../blobs/1")
    with pytest.raises(RequestError, match=r"leads out of the folder; set source\.follow_links: anywhere"):
        names(tmp_path / "shards")
    assert names(tmp_path / "shards", links="anywhere") == ["a.tar", "b.tar"]
    link.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(link)
        with pytest.raises(RequestError, match=r"b\.tar: no file that can be read"):
            names(tmp_path / "shards")
