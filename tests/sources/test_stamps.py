import os
import sys
from pathlib import Path

import pytest

from imgprep.sources import stamps
from imgprep.sources.stamps import stamps_of
from imgprep.util.native import native_files


@pytest.fixture(autouse=True, params=["native code", "on two processors", "Python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test is of all ways to ask for stamps."""
    if request.param == "Python":
        monkeypatch.setattr("imgprep.sources.stamps.native_files", lambda: None)
    elif native_files() is None:
        pytest.skip("there is no native code that asks for stamps")
    elif request.param == "on two processors":
        monkeypatch.setattr(stamps, "_MANY", 1)
    return request.param


def make(folder: Path, *names: str) -> list[int]:
    """Files of different sizes and times, as numbers."""
    found: list[int] = []
    for number, name in enumerate(names):
        path = folder / name
        path.write_bytes(bytes(number))
        os.utime(path, ns=(5, (-1) ** number * (10**18 + 123_456_789 * number)))
        status = path.lstat()
        found += (number, status.st_mtime_ns)
    return found


def test_sizes_and_times_are_those_of_the_system(tmp_path: Path) -> None:
    names = ["a", "b", "ö", "d e", "🍎"]
    expected = make(tmp_path, *names)
    found = stamps_of(str(tmp_path), names)
    assert found is not None
    assert found.tolist() == expected
    assert found.typecode == "q"
    assert stamps_of(str(tmp_path), tuple(names[3:])) == found[6:]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "a", "b")
    (tmp_path / "c").symlink_to("b")
    found = stamps_of(str(tmp_path), ["a", "c"])
    assert found is not None
    assert found[2:].tolist() == [1, (tmp_path / "c").lstat().st_mtime_ns]


@pytest.mark.parametrize("names", [["gone", "a"], ["a", "gone"], ["a", "a", "a", "gone"], ["gone", "a", "a", "a"]])
def test_what_is_gone_is_told(tmp_path: Path, names: list[str]) -> None:
    make(tmp_path, "a")
    assert stamps_of(str(tmp_path), names) is None
    assert stamps_of(str(tmp_path / "none"), ["a"]) is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_utf_8_is_left_to_who_looks_at_each(tmp_path: Path, way: str) -> None:
    name = os.fsdecode(b"\xff.png")
    make(tmp_path, "a", name)
    found = stamps_of(str(tmp_path), ["a", name])
    assert (found is None) == (way != "Python")


def test_native_code_refuses_what_does_not_fit(way: str) -> None:
    native = native_files()
    if native is None:
        pytest.skip("there is no native code")
    with pytest.raises(ValueError, match="does not fit"):
        native.file_stamps(0, ["a"], bytearray(8))
    with pytest.raises(TypeError):
        native.file_stamps(0, ("a",), bytearray(16))
    assert native.file_stamps(0, [], bytearray()) is True
    assert native.file_stamps(0, [b"bytes"], bytearray(16)) is False
