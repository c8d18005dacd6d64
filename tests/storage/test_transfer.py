"""Whole files to a store and from it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import ResourceError
from imgprep.storage import opening, transfer
from imgprep.storage.base import Entry, MissingError
from imgprep.storage.opening import open_storage
from imgprep.storage.transfer import at_once, download, moment, upload
from imgprep.util.addresses import Address

pytest.importorskip("obstore")
ADDRESS = Address("memory", "bucket", "a/b.bin")
CONTENT = bytes(range(250))


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty store in memory, which is read in blocks of 100 bytes."""
    monkeypatch.setattr(transfer, "BLOCK", 100)
    opening._opened.cache_clear()
    yield open_storage(ADDRESS)
    opening._opened.cache_clear()


def test_a_file_goes_there_and_back(storage: Any, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    version, sha256 = upload(storage, ADDRESS, tmp_path / "here")
    target = tmp_path / "new" / "there"
    assert download(storage, ADDRESS, target, digest) == (version, sha256) == (version, digest)
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mtime_ns == moment(Entry("", 0, version)) < 10**18


def test_another_content_leaves_no_file(storage: Any, tmp_path: Path) -> None:
    storage.put(ADDRESS.key, CONTENT)
    with pytest.raises(
        ResourceError, match=r"memory://bucket/a/b\.bin: is damaged: its SHA-256 is not that of dataset"
    ):
        download(storage, ADDRESS, tmp_path / "there", "0" * 64)
    with pytest.raises(MissingError):
        download(storage, ADDRESS._replace(key="x"), tmp_path / "there")
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=r"file/there: cannot be written: .*; set IMGPREP_CACHE"):
        download(storage, ADDRESS, tmp_path / "file" / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_object_that_changes_while_it_is_read_is_no_file(
    storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put(ADDRESS.key, CONTENT)
    read = storage.read

    def changed(key: str, start: int, end: int) -> bytes:
        data: bytes = read(key, start, end)
        storage.put(key, CONTENT[::-1])
        return data

    monkeypatch.setattr(storage, "read", changed)
    with pytest.raises(ResourceError, match="changed while it was read; run again"):
        download(storage, ADDRESS, tmp_path / "there")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("parts", [1, 3])
def test_an_etag_that_is_the_hash_of_the_content_is_proof_enough(tmp_path: Path, parts: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(transfer, "BLOCK", 250 if parts == 1 else 100)
    whole = hashlib.md5(CONTENT).hexdigest()
    joint = hashlib.md5(b"".join(hashlib.md5(CONTENT[at : at + 100]).digest() for at in (0, 100, 200))).hexdigest()

    class Store:
        def upload(self, key: str, path: str) -> str:
            return whole if parts == 1 else f"{joint}-3"

    (tmp_path / "here").write_bytes(CONTENT)
    assert upload(Store(), ADDRESS, tmp_path / "here")[1] == hashlib.sha256(CONTENT).hexdigest()  # type: ignore[arg-type]


def test_what_does_not_arrive_is_sent_again_three_times(storage: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "here").write_bytes(CONTENT)
    sent = []

    def cut(key: str, path: str) -> str:
        sent.append(key)
        return str(storage.put(key, CONTENT[:9]))

    monkeypatch.setattr(storage, "upload", cut)
    with pytest.raises(ResourceError, match="does not arrive as it was sent, 3 times"):
        upload(storage, ADDRESS, tmp_path / "here")
    assert sent == [ADDRESS.key] * 3


def test_the_first_failure_of_many_is_raised() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise MissingError("three")
        done.append(number)

    at_once(work, range(3))
    assert sorted(done) == [0, 1, 2]
    with pytest.raises(MissingError, match="three"):
        at_once(work, range(3, 9))
