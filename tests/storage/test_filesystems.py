"""Stores that fsspec reads, with that of its own in memory."""

import sys
import uuid
from typing import Any

import pytest

from imgprep.errors import RequestError, ResourceError
from imgprep.storage.base import MissingError, RefusedError, UnconditionalError
from imgprep.storage.filesystems import FilesystemStorage
from imgprep.util.addresses import Address

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def storage() -> FilesystemStorage:
    """A store in memory, which no other test sees."""
    return FilesystemStorage(Address("memory", f"bucket-{uuid.uuid4().hex}", ""))


def test_objects_are_written_listed_read_and_removed(storage: FilesystemStorage, tmp_path: Any) -> None:
    version = storage.put("a/b.bin", b"0123456789")
    (tmp_path / "file").write_bytes(b"abc")
    storage.upload("a/c/d.bin", str(tmp_path / "file"))
    assert {(entry.key, entry.size) for entry in storage.list("a")} == {("a/b.bin", 10), ("a/c/d.bin", 3)}
    assert storage.head("a/b.bin") == ("a/b.bin", 10, version)
    assert storage.read("a/b.bin", 3, 6) == b"345"
    assert storage.get("a/c/d.bin", 3)[0] == b"abc"
    with pytest.raises(ValueError, match="10 bytes, over the limit of 9 bytes"):
        storage.get("a/b.bin", 9)
    storage.delete("a/b.bin")
    storage.delete("a/b.bin")
    assert [entry.key for entry in storage.list("")] == ["a/c/d.bin"]


def test_what_is_not_there_or_cannot_be_done(storage: FilesystemStorage) -> None:
    storage.put("a/b.bin", b"0123")
    for key, said in (("a/x", "there is no such object"), ("a", "is a folder")):
        with pytest.raises(MissingError, match=rf"memory://bucket-.*/{key}: {said}; check the address"):
            storage.head(key)
    with pytest.raises(UnconditionalError, match="memory cannot write under a condition"):
        storage.put("a/c", b"", "")
    with pytest.raises(ResourceError, match="the answer has 2 bytes instead of 7"):
        storage.read("a/b.bin", 2, 9)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (PermissionError("no key"), RefusedError, r"the store does not let us in \(no key\)"),
        (TimeoutError(), ResourceError, "the store fails: TimeoutError; check the connection"),
        (KeyError("two\nlines"), ResourceError, "the store fails: 'two.*lines'; check"),
    ],
)
def test_whatever_a_library_raises_is_an_error_of_ours(
    storage: FilesystemStorage, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception], said: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(type(storage._files), "info", fail)
    with pytest.raises(kind, match=rf"a/b\.bin: {said}"):
        storage.head("a/b.bin")


def test_a_scheme_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(RequestError, match=r"sftp://host: .*install"):
        FilesystemStorage(Address("sftp", "host", ""))
    with pytest.raises(ResourceError, match=r"nosuch://host: cannot be opened: .*nosuch"):
        FilesystemStorage(Address("nosuch", "host", ""))


def test_one_moment_is_one_version_however_it_is_written() -> None:
    from datetime import UTC, datetime

    from imgprep.storage.filesystems import _entry

    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    same = {_entry("k", {"size": 1, "mtime": value}).version for value in (moment, moment.isoformat())}
    assert same == {_entry("k", {"mtime": moment.timestamp()}).version} == {f"{moment.timestamp():.6f}"}
    assert _entry("k", {"size": None, "ETag": '"abc"', "mtime": 3}) == ("k", 0, "abc")
