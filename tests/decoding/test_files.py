import os
import socket
import sys
from pathlib import Path

import pytest

from imgprep.decoding.files import read_bytes
from imgprep.errors import ImageError
from imgprep.util.native import native_files


@pytest.fixture(autouse=True, params=["native code", "Python"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test is of both ways to read a file."""
    if request.param == "Python":
        monkeypatch.setattr("imgprep.decoding.files.native_files", lambda: None)
    elif native_files() is None:
        pytest.skip("there is no native code that reads files")
    return request.param


posix = pytest.mark.skipif(os.name != "posix", reason="needs special files")


def test_reads_all_bytes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 100_000)
    assert read_bytes(str(path)) == b"abc" * 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_name_that_is_not_utf8(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\xfe.jpg"
    Path(os.fsdecode(name)).write_bytes(b"x")
    assert read_bytes(os.fsdecode(name)) == b"x"


def test_empty_and_too_large_and_missing(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ImageError, match="empty file"):
        read_bytes(str(tmp_path / "empty"))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(ImageError, match="3221225472 bytes is over the limit of 1073741824"):
        read_bytes(str(tmp_path / "sparse"))
    with pytest.raises(ImageError, match="vanished"):
        read_bytes(str(tmp_path / "missing"))
    with pytest.raises(ImageError, match="NUL"):
        read_bytes("a\0b")


@posix
def test_only_regular_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="named pipe"):
        read_bytes(str(tmp_path / "pipe"))
    with pytest.raises(ImageError, match="a directory"):
        read_bytes(str(tmp_path))
    with pytest.raises(ImageError, match="character device"):
        read_bytes("/dev/zero")


@posix
def test_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(ImageError, match="socket"):
            read_bytes("s")


@posix
def test_links_only_on_request(tmp_path):
    (tmp_path / "x").write_bytes(b"1")
    (tmp_path / "link").symlink_to("x")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ImageError, match="symbolic link"):
        read_bytes(str(tmp_path / "link"))
    assert read_bytes(str(tmp_path / "link"), follow_symlinks=True) == b"1"
    with pytest.raises(ImageError, match="loop"):
        read_bytes(str(tmp_path / "loop"), follow_symlinks=True)


def test_native_code_leaves_what_is_odd_to_python(tmp_path, reader):
    if reader == "Python":
        pytest.skip("this is about native code")
    native = native_files()
    (tmp_path / "empty").touch()
    (tmp_path / "x").write_bytes(b"12")
    status = (tmp_path / "x").stat()
    path = str(tmp_path / "x")
    assert native.read_regular(path, 0, 0, 2) == b"12"
    assert native.read_regular(path, 2, status.st_mtime_ns, 2) == b"12"
    others = [
        *((path, 2, status.st_mtime_ns - 1, 2), (path, 1, status.st_mtime_ns, 2), (path, 0, 0, 1)),
        *((str(tmp_path), 0, 0, 9), (str(tmp_path / "empty"), 0, 0, 9), (str(tmp_path / "none"), 0, 0, 9)),
        *((f"{path}\0", 0, 0, 9), (os.fsdecode(b"\xff"), 0, 0, 9)),
    ]
    assert [native.read_regular(*each) for each in others] == [None] * len(others)
    with pytest.raises(TypeError):
        native.read_regular(b"bytes", 0, 0, 9)


def test_a_file_that_grows_is_read_by_nobody(tmp_path, reader):
    """/proc has files that say that they are empty, and are not."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc")
    with pytest.raises(ImageError, match="empty file"):
        read_bytes("/proc/self/stat")


def test_short_reads_and_changes(tmp_path, monkeypatch):
    monkeypatch.setattr("imgprep.decoding.files.native_files", lambda: None)
    path = tmp_path / "x"
    path.write_bytes(bytes(range(200)))
    real = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: real(descriptor, min(size, 7)))
    assert read_bytes(str(path)) == bytes(range(200))
    monkeypatch.setattr(os, "read", lambda _descriptor, _size: b"")
    with pytest.raises(ImageError, match="changed while it was read"):
        read_bytes(str(path))


def test_another_file_in_its_place(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"1")
    status = path.stat()
    stamp = (status.st_size, status.st_mtime_ns)
    assert read_bytes(str(path), stamp) == b"1"
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    with pytest.raises(ImageError, match="changed since it was listed"):
        read_bytes(str(path), stamp)
    path.write_bytes(b"12")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(ImageError, match="changed since it was listed"):
        read_bytes(str(path), stamp)
