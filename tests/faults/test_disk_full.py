"""No room: exit 5, one line, nothing partial under a final name; with room the same command goes on."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

resource = pytest.importorskip("resource")

NO_CACHE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""For processes that may write small files only: Python would leave half of a compiled module, and not start again."""
Call = Callable[..., subprocess.CompletedProcess[str]]


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

    failed = case.run("run", case.spec, "-q", preexec_fn=limited, env=NO_CACHE)
    assert failed.returncode == 5, failed.stderr
    assert failed.stderr.count("\n") == 1
    assert failed.stderr.startswith("imgprep: error: ")
    assert not failed.stdout
    complete(case)


def mount(*arguments: object) -> bool:
    """Whether it could be done: only the administrator may, and not in every container."""
    try:
        return not subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode
    except FileNotFoundError:
        return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=400k", "tmpfs", folder):
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Makes folders in which nothing can be written."""
    folders: list[Path] = []

    def protect(folder: Path) -> None:
        if mount("--bind", folder, folder):
            folders.append(folder)
            assert mount("-o", "remount,bind,ro", folder)
            return
        if os.geteuid() == 0:
            pytest.skip("the administrator may write everywhere")
        folders.append(folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)

    yield protect
    for folder in folders:
        if subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False).returncode:
            subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)


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


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Nothing is left of a file system."""
    ballast = disk / "ballast"
    status = os.statvfs(disk)
    ballast.write_bytes(bytes(status.f_bavail * status.f_frsize))
    yield
    ballast.unlink()


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file may be larger than so many KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size << 10, before[1]))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", True)
            for name, value in NO_CACHE.items():
                patch.setenv(name, value)
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


COMMANDS = {
    "convert": ["convert", "spec.yaml", "--force"],
    "split": ["split", "spec.yaml", "--force"],
    "augment": ["augment", "spec.yaml", "--force"],
    "pack": ["pack", "spec.yaml", "--force"],
    "repair": ["repair", "spec.yaml"],
    "audit": ["audit", "spec.yaml", "--force"],
    "audit --stage": ["audit", "spec.yaml", "--stage", "convert", "--force"],
    "review": ["review", "spec.yaml", "--sample", "3", "-o", "drawn.csv"],
    "preview": ["preview", "spec.yaml", "-o", "sheet.png"],
    "init": ["init", "source", "-o", "new.yaml", "--force"],
}
"""Every command that writes."""


def files(folder: Path) -> dict[str, bytes]:
    """What users see there."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {str(path.relative_to(folder)): path for path in paths}
    return {name: path.read_bytes() for name, path in names.items() if ".imgprep/" not in name and name != "ballast"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, new_case: Any) -> Path:
    """A folder in which everything was made, with older files by the names that commands write."""
    case = new_case(tmp_path_factory.mktemp("finished"))
    case.draw(ash=6, oak=6)
    case.write(augment={"per_image": 1, "transforms": [{"flip": {"horizontal": 1}}]})
    assert case.run("run", case.spec, "-q").returncode == 0
    for old in ("drawn.html", "sheet.png", "new.yaml"):
        (case.folder / old).write_text("older")
    folder: Path = case.folder
    return folder


def prepare(case: Any, finished: Path, name: str) -> None:
    """A copy of what is finished; for `repair` with a damaged shard."""
    shutil.copytree(finished, case.folder, dirs_exist_ok=True)
    if name == "repair":
        shard = next((case.output / "pack").glob("*.h5"))
        content = bytearray(shard.read_bytes())
        content[-1] ^= 1
        shard.write_bytes(content)


EXPECTED: dict[str, tuple[int, dict[str, bytes]]] = {}
"""The status of each command and the files after it, when there is room."""


@pytest.fixture
def expected(case: Any, finished: Path, imgprep: Call, tmp_path: Path) -> Callable[[str], tuple[int, dict[str, bytes]]]:
    """Runs a command undisturbed, once."""

    def find(name: str) -> tuple[int, dict[str, bytes]]:
        if name not in EXPECTED:
            folder, case.folder = case.folder, tmp_path / "undisturbed"
            prepare(case, finished, name)
            EXPECTED[name] = imgprep(*COMMANDS[name]).returncode, files(case.folder)
            case.folder = folder
        return EXPECTED[name]

    return find


@pytest.mark.parametrize("room", ["no space", "5 KiB a file"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_without_room_leaves_what_was_there_and_is_done_when_there_is(
    case: Any,
    finished: Path,
    expected: Call,
    imgprep: Call,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    room: str,
) -> None:
    for variable in [each for each in os.environ if each.startswith("COVERAGE_")]:
        monkeypatch.delenv(variable)  # workers inherit the limit, and what coverage writes of them is larger
    code, complete = expected(name)
    if room == "no space":
        case.folder = request.getfixturevalue("small_disk")
        assert mount("-o", "remount,size=20m", case.folder)
    prepare(case, finished, name)
    before = files(case.folder)
    with filled(case.folder) if room == "no space" else limited(int(room[0])):
        failed = imgprep(*COMMANDS[name], "-q")
    if failed.returncode != 5:
        assert room == "5 KiB a file", failed.stderr
        assert failed.returncode == code
    else:
        assert failed.stdout == ""
        assert failed.stderr.count("\n") == 1
        assert re.match("imgprep: error: .+: (cannot write: )?.*(No space left|File too large).*; ", failed.stderr)
    for file, content in files(case.folder).items():
        assert content == before.get(file) or content == complete[file], file
    assert not list(case.folder.rglob(".tmp-*"))
    assert imgprep(*COMMANDS[name], "-q").returncode == code
    assert files(case.folder) == complete


@pytest.mark.parametrize("name", COMMANDS)
def test_where_nothing_can_be_written_a_command_says_so(
    case: Any, finished: Path, imgprep: Call, read_only: Callable[[Path], None], name: str
) -> None:
    prepare(case, finished, name)
    before = files(case.folder)
    read_only(case.folder)
    failed = imgprep(*COMMANDS[name], "-q")
    assert failed.returncode == 5
    assert failed.stdout == ""
    assert re.fullmatch("imgprep: error: .+: cannot write: (Read-only|Permission).*; .+\n", failed.stderr)
    assert files(case.folder) == before


@pytest.mark.parametrize("command", [["verify", "out"], ["show", "out"], ["run", "spec.yaml", "--dry-run"]])
def test_what_only_reads_needs_no_permission_to_write(
    case: Any, finished: Path, imgprep: Call, read_only: Callable[[Path], None], command: list[str]
) -> None:
    prepare(case, finished, "")
    read_only(case.folder)
    assert imgprep(*command, "-q").returncode == 0


def test_nothing_is_written_into_the_source(case: Any, imgprep: Call, read_only: Callable[[Path], None]) -> None:
    case.draw(ash=6, oak=6)
    read_only(case.source)
    assert imgprep("run", "spec.yaml", "-q").returncode == 0
    for command in ("review", "preview", "init"):
        assert imgprep(*COMMANDS[command]).returncode == 0


@pytest.fixture
def remote(case: Any, server: Any) -> str:
    """The address of an image, which is the first row of a table."""
    case.draw(ash=1)
    address: str = server.body("/1.png", (case.source / "ash" / "000.png").read_bytes())
    (case.source / "table.csv").write_text(f"location,label\n{address},oak\nash/000.png,ash\n")
    options = {"cache": "cache", "allow_private": True}
    case.write(source={"layout": "csv", "path": "source/table.csv", "remote": options})
    return address


def test_remote_images_that_cannot_be_kept_end_the_run(case: Any, imgprep: Call, remote: str, small_disk: Path) -> None:
    setting = ("--set", f"source.remote.cache={small_disk}/cache")
    with filled(small_disk):
        failed = imgprep("convert", "spec.yaml", "-q", *setting)
    assert failed.returncode == 5, remote
    assert re.fullmatch(r"imgprep: error: .+: cannot be written: No space .+source\.remote\.cache\n", failed.stderr)
    assert not [path for path in small_disk.rglob("*") if path.is_file()]
    assert imgprep("convert", "spec.yaml", "-q", *setting).returncode == 0


def test_kept_remote_images_are_read_where_nothing_can_be_written(
    case: Any, imgprep: Call, remote: str, server: Any, read_only: Callable[[Path], None]
) -> None:
    cache = case.folder / "cache"
    cache.mkdir()
    read_only(cache)
    failed = imgprep("convert", "spec.yaml", "-q")
    assert failed.returncode == 5
    assert "set source.remote.cache" in failed.stderr
    assert imgprep("convert", "spec.yaml", "-q", "--set", "source.remote.cache=other").returncode == 0
    read_only(case.folder / "other")
    server.answers.clear()
    assert imgprep("convert", "spec.yaml", "-q", "--force", "--set", "source.remote.cache=other").returncode == 0
    assert server.requests.count("/1.png") == 2, remote


def test_a_compressed_table_for_which_there_is_no_temporary_space_ends_the_run(case: Any, imgprep: Call) -> None:
    random = np.random.default_rng(4)
    rows = (f'"{json.dumps(random.integers(0, 256, (40, 40)).tolist())}",ash\n' for _ in range(4))
    (case.source / "table.csv.gz").write_bytes(gzip.compress(("location,label\n" + "".join(rows)).encode()))
    case.write(source={"layout": "csv", "path": "source/table.csv.gz"})
    with limited(10):
        failed = imgprep("convert", "spec.yaml", "-q")
    assert failed.returncode == 5
    assert re.fullmatch("imgprep: error: .+table.csv.gz: cannot be expanded: .+; set TMPDIR\n", failed.stderr)
    assert not case.leftovers()
    assert imgprep("convert", "spec.yaml", "-q").returncode == 0
