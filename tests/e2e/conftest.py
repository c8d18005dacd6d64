"""A project as a user has it: a folder of images, a spec, an output; and the program that works on them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

PATIENCE = 60.0
"""Seconds that a test waits for something that always happens."""
MARK = "IMGPREP_TEST_MARK"
DATA = ("convert", "split", "pack")


def poll(
    condition: Callable[[], Any], what: str, patience: float = PATIENCE, during: subprocess.Popen[str] | None = None
) -> Any:
    """Waits until something is true, and gives it; `during` is a process that does not end before."""
    end = time.monotonic() + patience
    while not (found := condition()):
        assert during is None or during.poll() is None, f"{what}: {during.communicate()[1]}"
        assert time.monotonic() < end, f"waited {patience:g} s for {what}"
        time.sleep(0.005)
    return found


@dataclass
class Project:
    """A spec with its source and output.

    Attributes:
        folder: holds all of it.
        source: the images.
        mark: an environment variable tells every process that descends from a run of this project.
    """

    folder: Path
    source: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def spec(self) -> Path:
        return self.folder / "spec.yaml"

    @property
    def output(self) -> Path:
        return self.folder / "out"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {MARK: self.mark, "NO_COLOR": "1"}

    def write(self, **sections: Any) -> None:
        """Writes the spec: small images, small shards and no demands, but for the given sections."""
        defaults: dict[str, Any] = {
            "name": "test",
            "source": {"layout": "directory", "path": str(self.source)},
            "output": "out",
            "seed": 3,
            "audit": {"rules": {"class-size": {"min": 1}}},
            "convert": {"size": [8, 8]},
            "pack": {"dtype": "uint8", "normalize": "none"},
            "execution": {"workers": 2},
        }
        self.spec.write_text(yaml.safe_dump(defaults | sections, sort_keys=False), encoding="utf-8")

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Starts ``imgprep ARGUMENTS`` as the leader of a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "imgprep", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    def run(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs ``imgprep ARGUMENTS`` to its end."""
        with self.start(*arguments, **options) as process:
            try:
                out, err = process.communicate(timeout=2 * PATIENCE)
            finally:
                process.kill()
        assert "Traceback" not in err or "-v" in arguments, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def processes(self) -> list[int]:
        """The live processes that descend from runs of this project."""
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                if folder.name.isdigit() and f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return found

    def workers(self, coordinator: int) -> list[int]:
        """The worker processes: children of the child of the coordinator."""
        return [grandchild for child in self.children(coordinator) for grandchild in self.children(child)]

    @staticmethod
    def children(pid: int) -> list[int]:
        """The child processes of a process, as far as it is still there."""
        found: list[int] = []
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, task.read_text().split())
        return found

    def manifest(self, stage: str) -> dict[str, Any]:
        """The index of a stage."""
        content: dict[str, Any] = json.loads((self.output / stage / "dataset.json").read_bytes())
        return content

    def samples(self, stage: str) -> dict[str, dict[str, Any]]:
        """The lines of samples.jsonl by id; no id occurs twice, and all are accounted for."""
        lines = (self.output / stage / "samples.jsonl").read_bytes().splitlines()
        records = {record["id"]: record for record in map(json.loads, lines)}
        assert len(records) == len(lines)
        status = [record["status"] for record in records.values()]
        counts = {name: status.count(name) for name in ("ok", "quarantined", "skipped")}
        assert self.manifest(stage)["samples"] == {"found": len(records)} | counts
        return records

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file of the datasets."""
        files = (path for stage in DATA for path in (self.output / stage).rglob("*"))
        return {
            str(path.relative_to(self.output)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.is_file()
        }

    def stamps(self, stage: str) -> dict[str, tuple[int, int]]:
        """Inode and modification time of every shard of a stage that the journal says is finished."""
        journal = self.output / ".imgprep" / f"{stage}.journal.jsonl"
        stamps = {}
        for line in journal.read_bytes().splitlines() if journal.exists() else []:
            with suppress(ValueError):  # torn by a kill
                path = self.output / stage / json.loads(line)["record"]["filename"]
                status = path.stat()
                stamps[path.name] = status.st_ino, status.st_mtime_ns
        return stamps

    def listing(self) -> set[str]:
        """Every file and folder of the project."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


@pytest.fixture
def project(tmp_path: Path, collection: Path) -> Iterator[Project]:
    """A project over the small collection: ash, oak, elm."""
    made = Project(tmp_path, collection)
    made.write()
    yield made
    _end(made)


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects over a given folder of images, with the given sections of the spec."""
    made = []

    def make(source: Path, **sections: Any) -> Project:
        folder = tmp_path / f"project-{len(made)}"
        folder.mkdir()
        made.append(Project(folder, source))
        made[-1].write(**sections)
        return made[-1]

    yield make
    for each in made:
        _end(each)


def _end(project: Project) -> None:
    """A failed test leaves nothing behind either."""
    for pid in project.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def waiting() -> Callable[..., Any]:
    """`poll`, for tests."""
    return poll


@pytest.fixture
def imgprep(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs ``imgprep ARGUMENTS`` in this process, which is quicker; standard output and error are captured."""
    from imgprep.cli.exit_status import run

    def call(*arguments: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err or "-v" in arguments
        return subprocess.CompletedProcess(arguments, code, out, err)

    return call


def draw(path: Path, random: np.random.Generator, shape: Sequence[int], blobs: int = 12) -> None:
    """An image of soft colours, of any size, no two alike."""
    small = random.integers(0, 256, (blobs, blobs, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="session")
def large_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 24 JPEGs each that take some time to decode."""
    folder = tmp_path_factory.mktemp("large") / "images"
    random = np.random.default_rng(11)
    for label in ("fir", "yew"):
        (folder / label).mkdir(parents=True)
        for index in range(24):
            draw(folder / label / f"{index:03d}.jpg", random, (1000, 1500))
    return folder


@pytest.fixture(scope="session")
def many_shards() -> Mapping[str, Any]:
    """Sections of a spec that make six shards or more of `large_images` in each stage."""
    rows = 16 * 16 * 3 * 8
    return {
        "convert": {"size": [16, 16], "shard_size": f"{rows} B"},
        "pack": {"dtype": "uint8", "normalize": "none", "shard_size": f"{rows} B"},
        "split": {"test": 8, "validation": 8, "near_duplicates": "ignore"},
    }


@pytest.fixture(scope="session")
def project_type() -> type[Project]:
    """`Project`, for fixtures that outlive a test."""
    return Project
