"""What is known of the files that are both on disk and in a store."""

from pathlib import Path

import pytest

from imgprep.errors import ResourceError
from imgprep.storage.known_files import Known, KnownFiles


def test_it_outlives_the_process_and_a_torn_line(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"abc")
    second.write_bytes(b"d")
    known = KnownFiles(tmp_path / "known")
    known.add("a", first, "v1", "1f")
    known.add("b", second, "v2", "2f")
    known.forget("b")
    known.forget("c")
    (tmp_path / "known").write_bytes((tmp_path / "known").read_bytes() + b'["b", "v3", "3f"')
    again = KnownFiles(tmp_path / "known")
    assert list(again) == ["a"]
    assert ("a" in again, "b" in again, again.get("b")) == (True, False, None)
    assert again.get("a") == Known("v1", "1f", 3, first.stat().st_mtime_ns)


def test_a_file_that_changed_is_not_the_known_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    KnownFiles(tmp_path / "known").add("a", path, "v", "f")
    known = KnownFiles(tmp_path / "known").get("a")
    assert known is not None
    assert known.is_of(path)
    path.write_bytes(b"abcd")
    assert not known.is_of(path)
    path.unlink()
    assert not known.is_of(path)


def test_where_it_cannot_be_written_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    with pytest.raises(ResourceError, match=r"no/known: cannot be written: No such file"):
        KnownFiles(tmp_path / "no" / "known").add("a", path, "v", "f")
