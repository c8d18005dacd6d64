"""Folders of images: what is listed, in which order, and what links and junk get."""

import os
import socket
import sys
from pathlib import Path

import pytest

from imgprep.errors import RequestError, ResourceError
from imgprep.sources import walk as walking
from imgprep.sources.directory import Directory, Hierarchy, SplitDirectory
from imgprep.table.sample import Sample

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX file names and links")


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def by_id(source: Directory | SplitDirectory | Hierarchy) -> dict[str, Sample]:
    samples = list(source.samples())
    found = {sample.id: sample for sample in samples}
    assert len(found) == len(samples)
    assert list(found) == sorted(found)
    return found


def test_labels_are_the_first_folder_and_ids_are_relative_paths(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", "cat/old/2.jpg", "dog/3.png", "dog.x/4.png")
    found = by_id(Directory(tmp_path))
    assert {name: sample.label for name, sample in found.items()} == {
        "cat/1.jpg": "cat",
        "cat/old/2.jpg": "cat",
        "dog.x/4.png": "dog.x",
        "dog/3.png": "dog",
    }
    assert {sample.status for sample in found.values()} == {"ok"}
    assert found["cat/1.jpg"].stamp == (1, (tmp_path / "cat/1.jpg").stat().st_mtime_ns)
    assert Directory(tmp_path).read(found["cat/old/2.jpg"]) == b"x"


def test_a_directory_called_like_an_image_is_walked(tmp_path: Path) -> None:
    touch(tmp_path, "cat/x.jpg/1.jpg")
    assert by_id(Directory(tmp_path))["cat/x.jpg/1.jpg"].label == "cat"


def test_what_is_no_image_is_skipped_and_counted(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", "cat/.DS_Store", "cat/README", "cat/notes.TXT", "cat/.git/config", "cat/.git/HEAD")
    touch(tmp_path, "loose.jpg", "LICENSE-MIT", "__MACOSX/cat/1.jpg")
    found = by_id(Directory(tmp_path))
    assert {name: sample.reason for name, sample in found.items() if sample.status == "skipped"} == {
        "LICENSE-MIT": "not an image: LICENSE-MIT",
        "__MACOSX/": "system folder",
        "cat/.DS_Store": "hidden",
        "cat/.git/": "hidden",
        "cat/README": "not an image: README",
        "cat/notes.TXT": "not an image: .txt file",
        "loose.jpg": "not in a class folder",
    }
    assert found["cat/1.jpg"].status == "ok"


def test_unknown_suffixes_are_candidates(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1", "cat/2.xyz", "cat/README.jpg")
    assert {sample.status for sample in by_id(Directory(tmp_path)).values()} == {"ok"}


def test_the_order_does_not_depend_on_the_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/b.jpg", "a/b/c.jpg", "a/b-1/c.jpg", "a/b0.jpg", "a-1/x.jpg", "a.x/y.jpg")
    straight = list(Directory(tmp_path).samples())
    scandir = os.scandir

    class Backwards:
        def __init__(self, path: str) -> None:
            with scandir(path) as listing:
                self.entries = list(listing)[::-1]

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(os, "scandir", Backwards)
    assert list(Directory(tmp_path).samples()) == straight
    assert [sample.id for sample in straight] == sorted(sample.id for sample in straight)


@posix
@pytest.mark.parametrize("name", ["a\nb.jpg", "%s%n.jpg", "-rf.jpg", "é" * 120 + ".jpg", "<script>.jpg", "a b.jpg"])
def test_odd_names_are_accepted(tmp_path: Path, name: str) -> None:
    touch(tmp_path, f"cat/{name}")
    sample = by_id(Directory(tmp_path))[f"cat/{name}"]
    assert sample.status == "ok"
    assert Directory(tmp_path).read(sample) == b"x"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_utf8_are_escaped_in_the_id_and_kept_in_the_location(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    for raw in (b"\xff.jpg", b"\\xff.jpg", b"\xff", b"ok.jpg"):
        (tmp_path / "cat" / os.fsdecode(raw)).write_bytes(raw)
    found = by_id(Directory(tmp_path))
    assert sorted(found) == ["cat/\\xff", "cat/\\xff.jpg", "cat/\\xff.jpg~", "cat/ok.jpg"]
    assert Directory(tmp_path).read(found["cat/\\xff.jpg~"]) == b"\xff.jpg"
    assert Directory(tmp_path).read(found["cat/\\xff.jpg"]) == b"\\xff.jpg"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_class_folder_whose_name_is_no_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "1.jpg").write_bytes(b"x")
    sample = by_id(Directory(tmp_path))["caf\\xe9/1.jpg"]
    assert sample.label == "caf\\xe9"
    assert Directory(tmp_path).read(sample) == b"x"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems fold these names")
def test_twins_are_two_ids(tmp_path: Path) -> None:
    touch(tmp_path, "cat/\u00e9.jpg", "cat/e\u0301.jpg", "cat/A.jpg", "cat/a.jpg")
    assert len(by_id(Directory(tmp_path))) == 4


@posix
def test_links_stay_inside_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(tmp_path, "secret.jpg", "root/cat/1.jpg", "root/dog/sub/2.jpg", "outside/3.jpg")
    links = {
        "cat/out.jpg": "../../secret.jpg",
        "cat/gone.jpg": "nowhere.jpg",
        "cat/file.jpg": "../dog/sub/2.jpg",
        "cat/up": "..",
        "cat/self": ".",
        "cat/folder": "../dog",
        "dog/sub/back": "../../cat",
        "cat/loop.jpg": "loop.jpg",
        "cat/zero.jpg": "/dev/zero",
        "bird": "../outside",
        "fish": "dog/sub",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    found = by_id(Directory(root))
    refused = {name: sample.reason for name, sample in found.items() if sample.status == "quarantined"}
    assert refused == {
        "bird/": "link that leads out of the source folder",
        "cat/folder/sub/back/": "link to a folder, in a folder that is a link itself",
        "cat/gone.jpg": "dangling link",
        "cat/loop.jpg": "link that goes in a circle",
        "cat/out.jpg": "link that leads out of the source folder",
        "cat/self/": "link to a folder above it",
        "cat/up/": "link to a folder above it",
        "cat/zero.jpg": "link that leads out of the source folder",
        "dog/sub/back/folder/": "link to a folder, in a folder that is a link itself",
        "dog/sub/back/self/": "link to a folder above it",
        "fish/back/": "link to a folder, in a folder that is a link itself",
    } | {f"dog/sub/back/{name}": refused[f"cat/{name}"] for name in ("gone.jpg", "loop.jpg", "out.jpg", "zero.jpg")} | {
        "dog/sub/back/up/": "link to a folder above it"
    }
    assert found["cat/file.jpg"].location == "dog/sub/2.jpg"
    assert found["cat/folder/sub/2.jpg"].location == "dog/sub/2.jpg"
    assert found["fish/2.jpg"].label == "fish"
    assert Directory(root).read(found["cat/folder/sub/2.jpg"]) == b"x"


@posix
def test_pipes_and_sockets_are_quarantined_unopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cat").mkdir()
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    monkeypatch.chdir(tmp_path / "cat")  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock.jpg")
        found = by_id(Directory(tmp_path))
    assert {name: sample.reason for name, sample in found.items()} == {
        "cat/pipe.jpg": "not a regular file: named pipe",
        "cat/sock.jpg": "not a regular file: socket",
    }


def test_a_folder_that_cannot_be_listed_is_quarantined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "cat/1.jpg", "cat/locked/2.jpg")
    listing = walking._list

    def refuse(path: str) -> walking.Listing:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(walking, "_list", refuse)
    found = by_id(Directory(tmp_path))
    assert found["cat/locked/"].reason == "cannot list the folder: Permission denied"
    assert found["cat/1.jpg"].status == "ok"
    monkeypatch.setattr(walking, "_list", lambda _: refuse("locked"))
    with pytest.raises(ResourceError, match="cannot list"):
        list(Directory(tmp_path).samples())


def test_a_missing_root_is_a_wrong_request(tmp_path: Path) -> None:
    touch(tmp_path, "file")
    for path in (tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(RequestError, match=r"no such folder.*; check source\.path"):
            list(Directory(path).samples())


def test_empty_classes_are_declared(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", ".hidden/x.jpg")
    (tmp_path / "plum").mkdir()
    assert sorted(Directory(tmp_path).declared_classes()) == ["cat", "plum"]


@posix
def test_control_characters_in_a_class_name_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "ca\nt/1.jpg")
    with pytest.raises(RequestError, match="cannot be called"):
        list(Directory(tmp_path).samples())


def test_deep_folders_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    deep = "cat/" + "a/" * 400
    here = os.getcwd()  # noqa: PTH109
    try:
        os.chdir(tmp_path)
        for part in deep.split("/")[:-1]:
            os.mkdir(part)  # noqa: PTH102
            os.chdir(part)
        Path("1.jpg").write_bytes(b"x")
    finally:
        os.chdir(here)
    assert by_id(Directory(tmp_path))[f"{deep}1.jpg"].label == "cat"


def test_split_folders(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.jpg", "Valid/cat/2.jpg", "test/dog/deep/3.jpg", "extra/cat/4.jpg", "train/5.jpg")
    (tmp_path / "test" / "plum").mkdir()
    found = by_id(SplitDirectory(tmp_path))
    assert [(sample.id, sample.label, sample.split, sample.status) for sample in found.values()] == [
        ("Valid/cat/2.jpg", "cat", "Valid", "ok"),
        ("extra/cat/4.jpg", "cat", "extra", "ok"),
        ("test/dog/deep/3.jpg", "dog", "test", "ok"),
        ("train/5.jpg", "", "", "skipped"),
        ("train/cat/1.jpg", "cat", "train", "ok"),
    ]
    assert sorted(SplitDirectory(tmp_path).declared_classes()) == ["cat", "dog", "plum"]


def test_hierarchy_labels_are_paths_and_levels_are_attributes(tmp_path: Path) -> None:
    touch(tmp_path, "cat/persian/1.jpg", "cat/siamese/2.jpg", "dog/3.jpg")
    (tmp_path / "dog" / "beagle").mkdir()
    leaf = by_id(Hierarchy(tmp_path))
    assert [sample.label for sample in leaf.values()] == ["cat/persian", "cat/siamese", "dog"]
    assert leaf["cat/persian/1.jpg"].attributes == {"level1": "cat", "level2": "persian"}
    assert [sample.label for sample in by_id(Hierarchy(tmp_path, level=1)).values()] == ["cat", "cat", "dog"]
    second = by_id(Hierarchy(tmp_path, level=2))
    assert second["dog/3.jpg"].status == "quarantined"
    assert second["dog/3.jpg"].label == ""
    assert sorted(Hierarchy(tmp_path).declared_classes()) == ["cat/persian", "cat/siamese", "dog/beagle"]
    assert sorted(Hierarchy(tmp_path, level=1).declared_classes()) == ["cat", "dog"]
