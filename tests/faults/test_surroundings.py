"""Limits, locks and disks that fail are never the fault of the data: status 5, and what to do."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import imgprep as package
from imgprep.decoding.files import read_bytes
from imgprep.errors import ResourceError, TransientError

fcntl = pytest.importorskip("fcntl")
resource = pytest.importorskip("resource")

REMEDY = "raise the limit on open files (ulimit -n 1024), then rerun the same command"


@pytest.fixture
def finished(case: Any, imgprep: Callable[..., Any]) -> Any:
    case.draw(ash=30, oak=30)
    case.write(
        convert={"size": [8, 8], "shard_size": "1 KiB"},
        pack={"dtype": "uint8", "normalize": "none", "labels": "one_hot"},
    )
    assert imgprep("run", case.spec, "-q").returncode == 0
    return case


def with_open_files(most: int, call: Callable[[], Any]) -> Any:
    """Calls something in this process, which may then open so many files more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open("/dev/null", os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe + most, before[1]))
    try:
        return call()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(("command", "engine"), [("run", "serial"), ("pack", "processes")])
def test_too_few_open_files_are_no_fault_of_the_data(finished: Any, command: str, engine: str) -> None:
    """From far too few to nearly enough: no image and no shard is to blame at any of them."""
    before = finished.content()
    codes = []
    for most in (6, 12, 16):

        def limited(most: int = most) -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

        done = finished.run(
            command, finished.spec, "--force", "--set", f"execution.engine={engine}", preexec_fn=limited
        )
        codes.append(done.returncode)
        assert done.returncode in {0, 5}, done.stderr
        if done.returncode:
            assert done.stderr.splitlines()[-1].endswith(f"Too many open files: {REMEDY}")
    assert codes[0] == 5
    assert finished.run("run", finished.spec).returncode == 0
    assert finished.content() == before


def test_verify_does_not_call_a_shard_damaged_that_it_cannot_open(
    finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgprep.commands.inspect import verify
    from imgprep.commands.session import Silent
    from imgprep.dataset import verify as module

    def refuse(path: Path) -> str:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))

    monkeypatch.setattr(module, "sha256_file", refuse)
    from imgprep.dataset.manifest import read_manifest
    from imgprep.engines import ENGINES

    folder = finished.output / "pack"
    with pytest.raises(ResourceError, match=r"train-00000-of-.*: Too many open files: raise the limit"):
        list(module.verify(folder, read_manifest(folder), ENGINES["serial"](workers=1)))
    assert verify(finished.output / "split", 1, Silent()).passed


def test_load_says_which_limit_is_too_low(finished: Any) -> None:
    train = package.load(finished.output / "convert")
    with pytest.raises(ResourceError, match=r"shard-000\d\d-of-000\d\d.h5: Too many open files: raise the limit"):
        with_open_files(4, lambda: [train[row] for row in range(len(train))])
    assert len([train[row] for row in range(len(train))]) == 60


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("EMFILE", ResourceError),
        ("ENFILE", ResourceError),
        ("ENOMEM", ResourceError),
        ("EIO", TransientError),
        ("ESTALE", TransientError),
    ],
)
def test_an_image_is_not_to_blame_for_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str, kind: type[Exception]
) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(b"x")

    def refuse(*_: object) -> int:
        code = getattr(errno, number)
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr("imgprep.decoding.files.native_files", lambda: None)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(kind, match=os.strerror(getattr(errno, number)).replace("(", r"\(").partition(" \\(")[0]):
        read_bytes(str(path))


@pytest.mark.parametrize("number", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_locks_is_said_and_can_be_used(
    finished: Any, imgprep: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    def refuse(*_: object) -> None:
        code = getattr(errno, number)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    done = imgprep("pack", finished.spec)
    assert done.returncode == 5
    assert "held by" not in done.stderr
    assert f"cannot be locked: {os.strerror(getattr(errno, number))}" in done.stderr
    assert "set execution.lock: false" in done.stderr
    assert imgprep("pack", finished.spec, "--set", "execution.lock=false").returncode == 0
    assert imgprep("verify", finished.output).returncode == 0


def test_finished_shards_open_without_a_lock(finished: Any, imgprep: Callable[..., Any]) -> None:
    """Where somebody holds one, or the file system has none."""
    held = [path.open("rb+") for path in finished.output.rglob("*.h5")]
    for file in held:
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        assert len(package.load(finished.output / "pack", "train").arrays()[0])
        assert imgprep("verify", finished.output).returncode == 0
        assert imgprep("run", finished.spec, "-q").returncode == 0
        assert (
            imgprep("pack", finished.spec, "--set", "pack.dtype=float32", "--set", "pack.normalize=unit").returncode
            == 0
        )
    finally:
        for file in held:
            file.close()


def test_a_source_on_a_file_system_without_locks_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgprep.arrays import hdf5

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = [[1]]
    usual = h5py.File

    def without_locks(path: str, mode: str, *, locking: bool) -> h5py.File:
        if locking:
            raise OSError(errno.ENOLCK, "Unable to lock file, errno = 37")
        return usual(path, mode, locking=locking)

    monkeypatch.setattr(hdf5.h5py, "File", without_locks)
    with hdf5.open_hdf5(str(tmp_path / "a.h5")) as file:
        assert file["image"][0, 0] == 1


@pytest.mark.parametrize("layout", ["hdf5", "npz"])
def test_a_source_that_is_larger_than_the_memory_limit_is_read(case: Any, layout: str) -> None:
    """Mapping a file takes address space, which is what can be limited, but no memory."""
    images = np.zeros((1200, 300, 300, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(1200) % 251
    labels = np.arange(1200) % 2
    if layout == "hdf5":
        with h5py.File(case.folder / "large.h5", "w") as file:
            file["image"], file["label"] = images, labels
    else:
        np.savez(case.folder / "large.npz", image=images, label=labels)
    source = {"layout": layout, "path": f"large.{layout.replace('hdf5', 'h5')}"}
    execution = {"workers": 1, "memory_limit": "64 MiB"}
    case.write(
        source=source, execution=execution, convert={"size": [300, 300], "channels": "gray", "shard_size": "4 MiB"}
    )
    done = case.run("convert", case.spec)
    assert done.returncode == 0, done.stderr
    made = package.load(case.output / "convert")
    assert [int(made[row][0][0, 0, 0]) for row in (0, 700, 1199)] == [0, 700 % 251, 1199 % 251]
