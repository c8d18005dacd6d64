"""A project as a user has it: a folder of images, a spec, an output; and the program that works on them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from tests.support import program
from tests.support.program import Done
from tests.support.specs import write_spec

PATIENCE: Final = 60.0
"""Seconds that a test waits for something that always happens."""
MARK: Final = "IMGPREP_TEST_MARK"
DATASETS: Final = ("convert", "split", "augment", "pack", "features")
SECTIONS: Final[Mapping[str, Any]] = {
    "name": "test",
    "output": "out",
    "seed": 3,
    "audit": {"rules": {"class-size": {"min": 1}}},
    "convert": {"size": [8, 8]},
    "pack": {"dtype": "uint8", "normalize": "none"},
}
"""A spec for small images, without demands."""


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
        folder: holds the spec and the output.
        source: the images.
        sections: of the spec, beside or instead of `SECTIONS`.
        mark: an environment variable tells every process that descends from a run of this project.
    """

    folder: Path
    source: Path
    sections: Mapping[str, Any] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def spec(self) -> Path:
        return self.folder / "spec.yaml"

    @property
    def output(self) -> Path:
        return self.folder / "out"

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ) | {MARK: self.mark, "NO_COLOR": "1"}

    def write(self, **sections: Any) -> Path:
        """Writes the spec: `SECTIONS`, then those of the project, then the given ones; and gives its path."""
        source = {"source": {"layout": "directory", "path": str(self.source)}}
        return write_spec(self.folder, **{**SECTIONS, **source, **self.sections, **sections})

    def draw(self, **classes: int) -> None:
        """Draws so many small images of each class into the source, no two alike."""
        random = np.random.default_rng(5)
        for label, number in classes.items():
            (self.source / label).mkdir(parents=True, exist_ok=True)
            for index in range(number):
                small = random.integers(0, 256, (4, 4, 3), np.uint8)
                image = cv2.resize(small, (24, 20), interpolation=cv2.INTER_CUBIC)
                assert cv2.imwrite(str(self.source / label / f"{index:03d}.png"), image)

    def call(self, *arguments: object, cwd: Path | None = None) -> Done:
        """Runs ``imgprep ARGUMENTS`` in this process; see `program.call`."""
        return program.call(*arguments, cwd=cwd or self.folder)

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Starts ``imgprep ARGUMENTS`` as the leader of a process group of its own; options are those of Popen."""
        settings = {
            "cwd": self.folder,
            "env": self.environment | options.pop("env", {}),
            "text": True,
            "start_new_session": True,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen([sys.executable, "-m", "imgprep", *map(str, arguments)], **settings | options)

    def run(self, *arguments: object, timeout: float = 2 * PATIENCE, **options: Any) -> Done:
        """Runs ``imgprep ARGUMENTS`` in a process of its own, to its end; options are those of Popen."""
        with self.start(*arguments, **options) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            finally:
                process.kill()
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        program.no_traceback(done)
        return done

    def processes(self) -> list[int]:
        """The live processes that descend from runs of this project."""
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                if folder.name.isdigit() and f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return found

    def end(self) -> None:
        """Kills what is left of the runs of this project: a failed test leaves nothing behind either."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

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

    def report(self) -> dict[str, Any]:
        """What the last audit found."""
        content: dict[str, Any] = json.loads((self.output / "audit" / "report.json").read_bytes())
        return content

    def samples(self, stage: str = "convert") -> dict[str, dict[str, Any]]:
        """The lines of samples.jsonl by id; no id occurs twice, all are accounted for, and their rows are there."""
        lines = (self.output / stage / "samples.jsonl").read_bytes().splitlines()
        records = {record["id"]: record for record in map(json.loads, lines)}
        assert len(records) == len(lines)
        found = [record for record in records.values() if "parent" not in record]
        status = [record["status"] for record in found]
        counts = {name: status.count(name) for name in ("ok", "quarantined", "skipped")}
        made = {"augmented": len(records) - len(found)} if len(records) > len(found) else {}
        manifest = self.manifest(stage)
        assert manifest["samples"] == {"found": len(found)} | counts | made
        rows = sum(shard["samples"] for shard in manifest["shards"])
        assert rows in {counts["ok"] + made.get("augmented", 0), 0}
        quarantined = [record["reason"] for record in found if record["status"] == "quarantined"]
        assert all(reason and reason.isprintable() for reason in quarantined)
        return records

    def content(self) -> dict[str, bytes]:
        """Every file of the datasets."""
        files = (path for stage in DATASETS for path in (self.output / stage).rglob("*") if path.is_file())
        return {str(path.relative_to(self.output)): path.read_bytes() for path in files}

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every file of the datasets."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.content().items()}

    def hashes_of_a_run(self) -> dict[str, str]:
        """The hashes of an undisturbed run, whose output is set aside."""
        done = self.call("run", self.spec)
        assert done.returncode == 0, done.stderr
        hashes = self.hashes()
        self.output.rename(self.folder / "undisturbed")
        return hashes

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

    def leftovers(self) -> list[str]:
        """Files of the output that are not complete, wherever they are."""
        return [str(path) for path in self.output.rglob(".tmp-*")]

    def listing(self) -> set[str]:
        """Every file and folder of the project."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
