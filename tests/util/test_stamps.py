"""States of trees: what changes them, and what does not."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.util.stamps import CannotTellError, stamp_of


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("a/1.png", "a/2.png", "b/deep/3.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def digest(*paths: Path, without: tuple[str, ...] = ()) -> str:
    return stamp_of(map(str, paths), without).digest


def test_what_does_not_change_has_the_same_state(tree: Path) -> None:
    before = digest(tree, tree / "a/1.png")
    (tree / "a/1.png").read_bytes()
    assert digest(tree, tree / "a/1.png") == before
    assert len(before) == 32


def same_size_and_time(tree: Path) -> None:
    path = tree / "b/deep/3.png"
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda tree: (tree / "b/deep/3.png").write_bytes(b"longer than it was"), id="content"),
        pytest.param(same_size_and_time, id="content of the same size and time"),
        pytest.param(lambda tree: (tree / "b/4.png").write_bytes(b""), id="came"),
        pytest.param(lambda tree: (tree / "a/2.png").unlink(), id="went"),
        pytest.param(lambda tree: (tree / "a/2.png").rename(tree / "a/9.png"), id="renamed"),
        pytest.param(lambda tree: (tree / "a/2.png").rename(tree / "b/2.png"), id="moved"),
        pytest.param(lambda tree: (tree / "empty").mkdir(), id="folder"),
        pytest.param(lambda tree: (tree / "b/deep").rename(tree / "b/low"), id="folder renamed"),
        pytest.param(lambda tree: os.utime(tree / "a/1.png", ns=(1, 1)), id="time"),
    ],
)
def test_a_change_is_seen(tree: Path, change: Callable[[Path], object]) -> None:
    before = digest(tree)
    time.sleep(0.02)  # two changes within one tick of the file system have the same time
    change(tree)
    assert digest(tree) != before


def test_names_that_do_not_count(tree: Path) -> None:
    before = digest(tree, without=("lock", "cache"))
    (tree / "b/lock").write_bytes(b"")
    (tree / "cache").mkdir()
    (tree / "cache/x").write_bytes(b"")
    assert digest(tree, without=("lock", "cache")) == before != digest(tree)


def test_a_file_and_a_folder_of_one_name_differ(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    before = digest(tmp_path)
    (tmp_path / "x").rmdir()
    (tmp_path / "x").write_bytes(b"")
    assert digest(tmp_path) != before


def test_the_newest_time_is_that_of_a_file_or_a_folder(tree: Path) -> None:
    start = time.time_ns()
    assert stamp_of([str(tree)], newest=True).newest < start + 10**9
    later = start + 10**12
    os.utime(tree / "b/deep/3.png", ns=(later, later))
    assert stamp_of([str(tree)], newest=True).newest == later
    os.utime(tree / "b", ns=(later + 1, later + 1))
    assert stamp_of([str(tree)], newest=True).newest == later + 1
    assert stamp_of([str(tree / "b/deep/3.png")], newest=True).newest == later


@pytest.mark.skipif(os.name != "posix", reason="makes links")
class TestLinks:
    def test_the_file_that_a_link_leads_to_counts(self, tree: Path) -> None:
        target = tree.parent / "elsewhere.png"
        target.write_bytes(b"1")
        (tree / "a/link.png").symlink_to(target)
        before = digest(tree)
        target.write_bytes(b"22")
        assert digest(tree) != before

    def test_of_a_link_to_a_folder_nothing_is_known(self, tree: Path) -> None:
        (tree / "a/link").symlink_to(tree / "b")
        with pytest.raises(CannotTellError, match="leads to a folder"):
            digest(tree)

    def test_of_a_link_that_leads_nowhere_neither(self, tree: Path) -> None:
        (tree / "a/link").symlink_to(tree / "nothing")
        with pytest.raises(FileNotFoundError):
            digest(tree)


def test_what_is_missing_has_no_state(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest(tmp_path / "nothing")
