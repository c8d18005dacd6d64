"""Folders are listed in order, the files of one together."""

import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgprep.sources import stamps, walk
from imgprep.sources.directory import Directory, Folders, Hierarchy, SplitDirectory
from imgprep.sources.split_names import USUAL
from imgprep.sources.splits import SplitReader
from imgprep.table.sample import Alike, Sample, SampleTable

FILES = (
    "train/cat/1.jpg", "train/cat/2.JPG", "train/cat/README.txt", "train/cat/.hidden", "train/cat/3.png",
    "train/cat/2/deep.jpg", "train/cat/é.jpg", "train/dog/1.jpg", "test/dog/readme", "test/dog/x", "test/dog/y.png",
    "loose.jpg", "extra/dog/1.jpg", "extra/dog/2.jpg",
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate(FILES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (number + 1))
        os.utime(path, ns=(0, 1_000_000_007 * (number + 1)))
    return tmp_path


@pytest.mark.parametrize("together", [1, 2, 4096])
@pytest.mark.parametrize("layout", [Directory, SplitDirectory, Hierarchy])
def test_what_is_listed_together_is_what_is_listed_one_by_one(
    root: Path, layout: Callable[[Path], Folders], together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "_TOGETHER", together)
    source = layout(root)
    entries = list(source.samples_together())
    assert any(isinstance(entry, Alike) for entry in entries) == (together > 1)
    samples = list(source.samples())
    assert [sample.id for sample in samples] == sorted(FILES)
    for sample in samples:
        number = FILES.index(sample.id) + 1
        assert sample.location == sample.id
        assert sample.stamp == (number, 1_000_000_007 * number)
    assert {sample.id for sample in samples if sample.status == "skipped" and "not an image" in sample.reason} == {
        "train/cat/README.txt",
        "test/dog/readme",
    }
    one_by_one = SplitReader(USUAL, source)
    at_once = SplitReader(USUAL, source)
    table = SampleTable.of(one_by_one.read(samples))
    found = SampleTable.of(at_once.read_together(entries))
    assert list(found) == list(table)
    assert found.digest() == table.digest()
    assert at_once.blank == one_by_one.blank
    assert (list(at_once.notes()), at_once.given()) == (list(one_by_one.notes()), one_by_one.given())


def test_the_counts_of_splits_are_those_of_all_images(root: Path) -> None:
    reader = SplitReader(USUAL, SplitDirectory(root))
    list(reader.read_together([Alike("t/", ["1", "2", "3"], array("q", range(6)), Sample("", "", "a", split="Trn"))]))
    assert list(reader.notes()) == ["given splits: read 'Trn' as train (3 images)"]


def test_a_file_that_goes_while_its_folder_is_listed_costs_itself(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(folder: str, _: object) -> None:
        Path(folder, "1.jpg").unlink()

    monkeypatch.setattr(walk, "stamps_of", gone)
    found = {sample.id: sample for sample in Hierarchy(root / "extra").samples()}
    assert found["dog/1.jpg"].status == "quarantined"
    assert found["dog/2.jpg"].status == "ok"
    assert found["dog/2.jpg"].stamp[0] == 14


def test_stamps_are_of_all_files_or_none(root: Path) -> None:
    (root / "link").symlink_to("loose.jpg")
    found = stamps.stamps_of(os.fspath(root), ["loose.jpg", "link"])
    assert found is not None
    assert found[:2].tolist() == [12, 12_000_000_084]
    assert found[2] == len("loose.jpg"), "of the link itself"
    assert stamps.stamps_of(os.fspath(root), ["loose.jpg", "gone"]) is None
    assert stamps.stamps_of(os.fspath(root / "gone"), ["x"]) is None


def test_a_layout_that_lists_and_reads_in_its_own_way_is_asked(root: Path) -> None:
    class Own(Directory):
        def samples(self) -> Iterator[Sample]:
            yield Sample("1", "1", "a")

        def read(self, sample: Sample) -> bytes:
            return sample.id.encode()

    source = Own(root)
    assert list(source.samples_together()) == [Sample("1", "1", "a")]
    assert source.reading()(Sample("2", "2", "a")) == b"2"
    assert Directory(root).reading()(Sample("loose.jpg", "loose.jpg", "a")) == b"x" * 12
