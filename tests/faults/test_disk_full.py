"""No room: exit 5, one line, nothing partial under a final name; with room the same command goes on."""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def complete(case: Any) -> None:
    """Every file with a final name is what a run with room makes of it."""
    partial = {name: content for name, content in case.content().items() if "/.tmp-" not in name}
    assert not case.leftovers()
    done = case.run("run", case.spec, "-q")
    assert done.returncode == 0, done.stderr
    assert partial.items() <= case.content().items()
    assert case.run("verify", case.output).returncode == 0


@pytest.mark.parametrize("engine", ["serial", "processes"])
@pytest.mark.parametrize("limit", [1_000, 20_000])
def test_a_limit_on_file_sizes(case: Any, engine: str, limit: int) -> None:
    case.draw(ash=6, oak=6)
    case.write(convert={"size": [64, 64]}, execution={"engine": engine, "workers": 1})

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    failed = case.run("run", case.spec, "-q", preexec_fn=limited)
    assert failed.returncode == 5, failed.stderr
    assert failed.stderr.count("\n") == 1
    assert failed.stderr.startswith("imgprep: error: ")
    assert not failed.stdout
    complete(case)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_full_disk(case: Any, small_disk: Path, engine: str) -> None:
    case.draw(ash=8, oak=8)
    case.write(output=str(small_disk / "out"), convert={"size": [128, 128]}, execution={"engine": engine, "workers": 1})
    failed = case.run("run", case.spec, "-q")
    assert failed.returncode == 5, failed.stderr
    assert "No space left on device" in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert [path.name for path in (small_disk / "out" / "convert").iterdir()] == []
    assert not list(small_disk.rglob(".tmp-*"))
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    done = case.run("run", case.spec, "-q")
    assert done.returncode == 0, done.stderr
    assert case.run("verify", small_disk / "out").returncode == 0
