import errno
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from imgprep.dataset import manifest as module
from imgprep.dataset.manifest import (
    ImageFormat,
    Manifest,
    ShardEntry,
    commit,
    fingerprint,
    read_manifest,
    sha256_file,
)
from imgprep.dataset.manifest_schema import is_sealed
from imgprep.errors import RequestError, ResourceError

WHOLE = Manifest(
    stage="pack",
    name="trees",
    classes=("ash", "élan", "梨"),
    counts={"train": {"ash": 3, "élan": 1, "梨": 0}},
    samples={"found": 5, "ok": 4, "quarantined": 1, "skipped": 0},
    seed=2**62,
    fingerprint="f" * 64,
    image=ImageFormat((6, 5, 3), "float32"),
    labels={"encoding": "index", "dtype": "uint8"},
    normalization={"kind": "standardize-global", "mean": [1.5], "std": [0.1]},
    class_weights={"ash": 0.5, "élan": None, "梨": None},
    versions={"imgprep": "1", "opencv": "5"},
    shards=(ShardEntry("train-00000-of-00001.h5", "train", 4, 100, "0" * 64), ShardEntry("a", None, 0, 0, "")),
)
BARE = Manifest("split", "x", (), {}, {}, 0, "")


@pytest.mark.parametrize("manifest", [WHOLE, BARE])
def test_an_index_survives_the_disk(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_bytes(manifest.to_json())
    assert read_manifest(tmp_path) == manifest
    assert read_manifest(tmp_path).to_json() == manifest.to_json()


def test_the_index_says_its_version_first_and_shows_names_as_they_are() -> None:
    text = WHOLE.to_json().decode()
    assert text.startswith('{\n  "format_version": 1,\n')
    assert '"élan"' in text
    assert text.endswith("}\n")
    assert r'"name": "\udcff"' in replace(BARE, name="\udcff").to_json().decode()


def test_keys_of_a_later_minor_version_are_passed_over() -> None:
    content = json.loads(WHOLE.to_json()) | {"colour": "blue"}
    assert Manifest.from_json(json.dumps(content).encode(), Path("x")) == WHOLE


def test_splits_are_those_with_shards() -> None:
    assert WHOLE.splits() == ("train",)
    assert BARE.splits() == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"format_version": 1}',
        b'{"format_version": 1, "classes": 3, "shards": []}',
    ],
)
def test_what_is_no_index_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(RequestError, match=r"dataset.json: no index of an imgprep dataset .*; write the dataset again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("key", sorted(json.loads(WHOLE.to_json()).keys() - {"digest", "format_version"}))
def test_an_index_with_a_wrong_part_is_refused(key: str) -> None:
    content = json.loads(WHOLE.to_json())
    for value in (3.5, -1, True, [3], [[["x"]]], {"a": {"b": "c"}}, {"../x": "0"}, [{"filename": "x"}]):
        if key == "versions" and isinstance(value, dict):
            continue
        with pytest.raises(RequestError, match=rf"no index of an imgprep dataset \({key}\b.*: (expected|is missing)"):
            Manifest.from_json(json.dumps(content | {key: value}).encode(), Path("x"))


@pytest.mark.parametrize("name", ["../x.h5", "/etc/passwd", "a\\b.h5", "", "..", "a\0.h5", 3, None])
def test_no_file_elsewhere_is_named(name: object) -> None:
    content = json.loads(WHOLE.to_json())
    shard = content["shards"][0] | {"filename": name}
    for change in ({"shards": [shard]}, {"files": {name: "0" * 64}} if isinstance(name, str) else {"shards": [shard]}):
        with pytest.raises(RequestError, match="expected the name of a file in the same folder"):
            Manifest.from_json(json.dumps(content | change).encode(), Path("x"))


def test_nesting_without_end_is_no_index() -> None:
    with pytest.raises(RequestError, match="nested too deeply"):
        Manifest.from_json(b"[" * 200_000, Path("x"))


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_what_blocks_or_has_no_end_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dataset.json")
    with pytest.raises(RequestError, match="not a regular file"):
        read_manifest(tmp_path)
    with pytest.raises(OSError, match="not a regular file"):
        sha256_file(Path("/dev/zero"))


def test_every_changed_bit_of_an_index_shows() -> None:
    text = WHOLE.to_json()
    assert is_sealed(text)
    for place in range(len(text)):
        assert not is_sealed(text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])
    for other in (text[:-1], text + b"\n", b"", text.replace(b"\n", b"\r\n"), json.dumps(json.loads(text)).encode()):
        assert not is_sealed(other)


def test_another_version_is_named() -> None:
    content = json.loads(WHOLE.to_json()) | {"format_version": 2}
    with pytest.raises(RequestError, match=r"x: format version 2, this imgprep reads version 1; install"):
        Manifest.from_json(json.dumps(content).encode(), Path("x"))


def test_a_folder_without_an_index(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(RequestError, match=r"dataset.json is missing; run the stage first"):
            read_manifest(folder)
    with pytest.raises(RequestError, match=r"file: is a file, not a dataset; give the folder of a dataset"):
        read_manifest(tmp_path / "file")


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("content", [b"", b"all", memoryview(b"all"), (b"a", memoryview(b"l"), b"l")])
def test_commit_writes_all(tmp_path: Path, content: bytes, durable: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"what was there before")
    commit(path, content, durable=durable)
    assert path.read_bytes() == (b"" if content == b"" else b"all")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_commit_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def lines() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        commit(path, lines())
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(ResourceError, match=r"file: cannot write: No space left on device; free the space"):
        commit(tmp_path / "file", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_has_its_final_name_after_it_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    fsync, rename = os.fsync, Path.replace

    def spied_fsync(descriptor: int) -> None:
        order.append("fsync")
        fsync(descriptor)

    def spied_rename(path: Path, target: Path) -> Path:
        order.append("rename")
        assert path.read_bytes() == b"x"
        return rename(path, target)

    monkeypatch.setattr(module.os, "fsync", spied_fsync)
    monkeypatch.setattr(Path, "replace", spied_rename)
    commit(tmp_path / "file", b"x")
    assert order == ["fsync", "rename", "fsync"], "file, name, folder"
    order.clear()
    commit(tmp_path / "file", b"x", durable=False)
    assert order == ["rename"]


def test_long_names_are_written_too(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250)
    commit(path, b"x")
    assert path.read_bytes() == b"x"


def test_hashes_of_files(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()


def test_fingerprints() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert len({fingerprint(*parts) for parts in [(), (1,), ("1",), (1, 1), ([1, 1],), ({"a": 1},), (None,)]}) == 7
    assert fingerprint("\udcff") != fingerprint("\udcfe")
    assert fingerprint(Path("a")) == fingerprint("a")


@pytest.mark.parametrize(("channels", "color"), [(1, "gray"), (3, "RGB")])
def test_the_colour_is_that_of_the_channels(channels: int, color: str) -> None:
    assert ImageFormat((6, 5, channels), "uint8").color == color
    assert ImageFormat((6, 5, channels), "uint8", "BGR").color == "BGR"
