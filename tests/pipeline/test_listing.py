from pathlib import Path

import pytest

from imgprep.pipeline.listing import FileChanges, Files, Listing, compare, read_listing
from imgprep.table.sample import Sample, SampleTable


def listing(*samples: Sample) -> Listing:
    return Listing.of(SampleTable.of(samples))


def sample(id_: str, label: str = "a", time: int = 1, **more: str) -> Sample:
    return Sample(id_, id_, label, {name: value for name, value in more.items() if value}, stamp=(10, time))


def test_the_same_files_do_not_differ() -> None:
    files = [sample("1"), sample("2", "b", colour="red")]
    assert compare(listing(*files), listing(*files)) == FileChanges()
    assert not compare(listing(*files), listing(*reversed(files))).any()
    assert not compare(listing(), listing()).any()


def test_each_kind_of_change_is_told_apart() -> None:
    before = listing(sample("1"), sample("2"), sample("3"), sample("4", colour="red"))
    now = listing(sample("0"), sample("2", time=2), sample("3", "b"), sample("4", colour="blue"), sample("5"))
    assert compare(before, now) == FileChanges(
        came=Files(2, ("0", "5")), went=Files(1, ("1",)), changed=Files(1, ("2",)), described=Files(2, ("3", "4"))
    )


def test_all_files_may_come_or_go() -> None:
    some = listing(*(sample(str(number)) for number in range(5)))
    assert compare(listing(), some) == FileChanges(came=Files(5, ("0", "1", "2")))
    assert compare(some, listing()) == FileChanges(went=Files(5, ("0", "1", "2")))


def test_an_attribute_that_no_file_has_changes_nothing() -> None:
    assert not compare(listing(sample("1"), sample("2")), listing(sample("1"), sample("2", colour=""))).any()


def test_it_is_read_as_it_was_written_and_only_for_its_key(tmp_path: Path) -> None:
    # An id of undecodable bytes, and one stamp that all rows share, as in an array file.
    written = listing(sample("ä"), sample("b\udcff"), sample(""))
    written.write(tmp_path / "l.npz", "key")
    found = read_listing(tmp_path / "l.npz", "key")
    assert found is not None
    assert list(found.id) == ["ä", "b\udcff", ""]
    assert found.stamp.tolist() == [[10, 1]] * 3
    assert compare(found, written) == FileChanges()
    assert read_listing(tmp_path / "l.npz", "another") is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_a_torn_one_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "l.npz").write_bytes(content)
    assert read_listing(tmp_path / "l.npz", "key") is None
    assert read_listing(tmp_path / "none.npz", "key") is None
