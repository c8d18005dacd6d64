"""What holds where the system lacks what Linux has: no fork, no fcntl, no resource, no interval timer, no /proc."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="takes away what is there")

WITHOUT = """
import builtins, io, os, signal, socket, subprocess, sys, types  # subprocess looks for msvcrt
import fcntl as _fcntl

windows = types.ModuleType("msvcrt")
windows.LK_NBLCK = 2
def locking(descriptor, mode, size):
    assert os.lseek(descriptor, 0, os.SEEK_CUR) > 1 << 20, "who holds the file could not be read"
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except OSError as error:
        raise PermissionError(13, "Permission denied") from error
windows.locking = locking
if "LOCKS" in os.environ:
    sys.modules["msvcrt"] = windows
sys.modules["fcntl"] = sys.modules["resource"] = None
for module, names in (
    (os, ["fork", "forkpty", "memfd_create", "sched_getaffinity"]),
    (signal, ["setitimer", "SIGALRM", "ITIMER_REAL", "pthread_sigmask"]),
    (socket, ["send_fds", "recv_fds"]),
):
    for name in names:
        delattr(module, name)
usual = io.open
def without_proc(file, *rest, **options):
    if str(file).startswith("/proc/"):
        raise FileNotFoundError(2, "No such file or directory", str(file))
    return usual(file, *rest, **options)
io.open = builtins.open = without_proc
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Every process that is started from now on finds a poorer system."""

    def go(*, locks: bool = True) -> None:
        (tmp_path / "poorer").mkdir()
        (tmp_path / "poorer" / "sitecustomize.py").write_text(WITHOUT)
        paths = [str(tmp_path / "poorer"), str(Path(__file__).parents[2]), *filter(None, sys.path)]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
        for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
            monkeypatch.delenv(name)
        if locks:
            monkeypatch.setenv("LOCKS", "1")

    return go


@pytest.fixture
def images(tmp_path: Path, collection: Path) -> Path:
    """Good images, a cut JPEG, and one that takes seconds to decode."""
    folder = tmp_path / "images"
    shutil.copytree(collection, folder)
    random = np.random.default_rng(4)
    noise = random.integers(0, 256, (64, 64, 3), np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    label = next(path for path in folder.iterdir() if path.is_dir()).name
    (folder / label / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    noise = random.integers(0, 256, (2000, 2000, 3), np.uint8)
    assert cv2.imwrite(str(folder / label / "slow.jp2"), noise, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    return folder


@pytest.mark.slow
def test_damage_deadlines_and_accounts_hold_without_fork_timer_and_proc(
    new_project: Callable[..., Any], images: Path, elsewhere: Callable[..., None]
) -> None:
    project = new_project(images, execution={"workers": 2, "item_timeout": 0.4})
    usual = project.run("convert", project.spec)
    before, hashes = project.samples("convert"), project.hashes()
    assert usual.returncode == 3
    shutil.rmtree(project.output)
    elsewhere()
    done = project.run("convert", project.spec)
    assert done.returncode == 3, done.stderr
    assert project.samples("convert") == before
    assert project.hashes() == hashes
    lost = {id_.partition("/")[2]: each["reason"] for id_, each in before.items() if each["status"] == "quarantined"}
    assert lost["slow.jp2"] == "took longer than 0.4 s"
    assert "JPEG" in lost["cut.jpg"]
    assert project.run("verify", project.output).returncode == 0


def test_the_lock_holds_where_files_are_locked_as_on_windows(
    new_project: Callable[..., Any], images: Path, elsewhere: Callable[..., None], waiting: Callable[..., Any]
) -> None:
    elsewhere()
    project = new_project(images, execution={"workers": 1, "item_timeout": 100, "max_quarantined": 1})
    with project.start("convert", project.spec) as first:
        waiting(lambda: list(project.output.glob(".imgprep/lock")), "the lock", during=first)
        waiting((project.output / ".imgprep/lock").read_text, "its holder", during=first)
        first.send_signal(signal.SIGSTOP)
        second = project.run("convert", project.spec)
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=120)
    assert second.returncode == 5
    assert f"held by process {first.pid} on " in second.stderr
    assert first.returncode == 0
    assert project.run("convert", project.spec).returncode == 0


def test_without_any_lock_the_run_says_how_to_go_on(
    new_project: Callable[..., Any], collection: Path, elsewhere: Callable[..., None]
) -> None:
    elsewhere(locks=False)
    project = new_project(collection)
    refused = project.run("convert", project.spec)
    assert refused.returncode == 5
    assert "cannot be locked: this Python has no locks on files" in refused.stderr
    assert "execution.lock: false" in refused.stderr
    assert project.run("convert", project.spec, "--set", "execution.lock=false").returncode in {0, 3}


def test_doctor_says_what_is_not_enforced(
    new_project: Callable[..., Any], collection: Path, elsewhere: Callable[..., None]
) -> None:
    project = new_project(collection)
    usual = project.run("doctor").stdout
    if sys.platform == "linux":
        assert "forked" in usual
        assert "enforced by the kernel" in usual
        assert "not enforced" not in usual
    elsewhere(locks=False)
    poorer = project.run("doctor").stdout
    assert "spawned" in poorer
    assert "enforced by the run, up to a second late" in poorer
    assert "not enforced on this system" in poorer
    assert "none: set execution.lock: false" in poorer
