"""A folder in a store lists and reads as the same folder on disk; each oddity of stores has its reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from imgprep.errors import ImageError, RequestError, TransientError
from imgprep.errors import ResourceError as StoreError
from imgprep.sources import store_tree
from imgprep.sources.directory import Directory, Hierarchy, SplitDirectory
from imgprep.sources.trees import tree_of
from imgprep.storage.base import Entry, MissingError, RefusedError
from imgprep.table.sample import Sample
from imgprep.util.addresses import Address

FILES = {
    "train/cat/1.png": b"one",
    "train/cat/sub/2.png": b"two",
    "train/dog/3.png": b"three",
    "train/dog/README": b"about",
    "train/.hidden/4.png": b"four",
    "train/__MACOSX/5.png": b"five",
    "test/cat-2/6.png": b"six",
    "test/cat/ä #1.png": b"seven",
    "loose.png": b"eight",
}


class Store:
    """Objects in memory, listed in no order."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.error: Exception | None = None

    def list(self, prefix: str) -> Iterator[Entry]:
        for key in sorted(self.objects, key=hash):
            if key.startswith(f"{prefix}/"):
                yield self._entry(key)

    def get(self, key: str, most: int) -> tuple[bytes, Entry]:
        if self.error is not None:
            raise self.error
        if key not in self.objects:
            raise MissingError(f"{key}: there is no such object")
        entry = self._entry(key)
        if entry.size > most:
            raise ValueError(f"{entry.size} bytes, over the limit of {most} bytes")
        return self.objects[key], entry

    def _entry(self, key: str) -> Entry:
        return Entry(key, len(self.objects[key]), f"version of {self.objects[key]!r}")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """The files in the folder photos of a bucket."""
    store = Store({f"photos/{name}": content for name, content in FILES.items()})
    monkeypatch.setattr(store_tree, "open_storage", lambda _: store)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same files on disk."""
    for name, content in FILES.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "photos"


PHOTOS = Address("s3", "bucket", "photos").path


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("layout", [Directory, SplitDirectory, Hierarchy])
def test_rows_are_those_of_a_folder(folder: Path, layout: type[Directory]) -> None:
    def rows(source: Directory) -> list[Sample]:
        return [sample._replace(stamp=(sample.stamp[0], 0)) for sample in source.samples()]

    assert rows(layout(PHOTOS)) == rows(layout(folder))
    assert sorted(layout(PHOTOS).declared_classes()) == sorted(layout(folder).declared_classes())
    assert not layout(PHOTOS).isolated
    for sample in layout(PHOTOS).samples():
        if sample.status == "ok":
            assert layout(PHOTOS).read(sample) == FILES[sample.id]
            assert layout(PHOTOS).file_of(sample) is None


@pytest.mark.usefixtures("store")
def test_paths_of_a_table_are_looked_up(folder: Path) -> None:
    ours, theirs = (tree_of(path).found_by(".png", "inside") for path in (PHOTOS, folder))
    for text in ("train/cat/1.png", "train\\cat\\1", "./train/cat/../cat/1.png", "train/cat", "gone.png", "../x", "/x"):
        found, wanted = ours.find(text), theirs.find(text)
        assert (found.location, bool(found.reason)) == (wanted.location, bool(wanted.reason)), text


def test_marks_of_folders_are_no_images(store: Store) -> None:
    store.objects |= {"photos/train": b"", "photos/train/cat": b"", "photos/train/cat/empty.png": b""}
    found = {sample.id: sample for sample in Directory(PHOTOS / "train").samples()}
    assert "cat" not in found
    with pytest.raises(ImageError, match="empty file"):
        Directory(PHOTOS / "train").read(found["cat/empty.png"])


def test_names_that_are_no_paths_are_quarantined(store: Store) -> None:
    store.objects["photos/train/cat/../../../x.png"] = b"x"
    (odd,) = (sample for sample in Directory(PHOTOS).samples() if sample.status == "quarantined")
    assert odd.reason == "its name leads out of the archive"


def test_objects_that_are_not_as_they_were_listed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Directory(PHOTOS / "train")
    sample = next(sample for sample in source.samples() if sample.id == "cat/1.png")
    store.objects["photos/train/cat/1.png"] = b"ONE"
    with pytest.raises(ImageError, match="object changed since it was listed; run again"):
        source.read(sample)
    del store.objects["photos/train/cat/1.png"]
    with pytest.raises(ImageError, match="object vanished from the store; run again"):
        source.read(sample)
    store.error = StoreError("s3://bucket/photos: the store fails: 500")
    with pytest.raises(TransientError, match="cannot be read: s3://bucket/photos: the store fails: 500"):
        source.read(sample)
    store.error = RefusedError("the store does not let us in")
    with pytest.raises(RefusedError):
        source.read(sample)
    store.error, store.objects["photos/train/cat/1.png"] = None, b"large"
    monkeypatch.setattr(store_tree, "MAX_BYTES", 4)
    with pytest.raises(ImageError, match="its object has 5 bytes, over the limit of 4 bytes"):
        source.read(sample)


@pytest.mark.usefixtures("store")
def test_a_folder_without_objects_is_refused() -> None:
    with pytest.raises(RequestError, match=r"s3://bucket/nothing: no objects below it; check source.path"):
        list(Directory(Address("s3", "bucket", "nothing").path).samples())
