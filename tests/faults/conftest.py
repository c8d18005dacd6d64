"""A project in a folder of its own, and imgprep run on it in this process or in one of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
import yaml

SEED = 5
STAGES = ("convert", "split", "augment", "pack")


def unmeasured() -> dict[str, str]:
    """The environment without coverage, whose own files would count, and fail, where space and steps are limited."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@dataclass
class Case:
    """A spec, its source and its output.

    Attributes:
        folder: holds all of it.
    """

    folder: Path

    environment: ClassVar[dict[str, str]] = unmeasured()

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def spec(self) -> Path:
        return self.folder / "spec.yaml"

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def write(self, **sections: Any) -> Path:
        """Writes the spec: tiny images, no demands, one process, but for the given sections; and gives its path."""
        defaults: dict[str, Any] = {
            "name": "case",
            "source": {"layout": "directory", "path": "source"},
            "output": "out",
            "seed": 3,
            "audit": {"rules": {"class-size": {"min": 1}}},
            "convert": {"size": [8, 8]},
            "split": {"test": 2, "validation": 2},
            "pack": {"dtype": "uint8", "normalize": "none"},
            "execution": {"engine": "serial", "workers": 1},
        }
        self.spec.write_text(yaml.safe_dump(defaults | sections, sort_keys=False), encoding="utf-8")
        return self.spec

    def draw(self, **classes: int) -> None:
        """Draws so many small images of each class, no two alike."""
        random = np.random.default_rng(SEED)
        for label, number in classes.items():
            (self.source / label).mkdir(parents=True, exist_ok=True)
            for index in range(number):
                small = random.integers(0, 256, (4, 4, 3), np.uint8)
                image = cv2.resize(small, (24, 20), interpolation=cv2.INTER_CUBIC)
                assert cv2.imwrite(str(self.source / label / f"{index:03d}.png"), image)

    def samples(self, stage: str = "convert") -> dict[str, dict[str, Any]]:
        """The lines of samples.jsonl by id; all are accounted for, and every row that is named is there."""
        lines = (self.output / stage / "samples.jsonl").read_bytes().splitlines()
        records = {record["id"]: record for record in map(json.loads, lines)}
        assert len(records) == len(lines)
        status = [record["status"] for record in records.values()]
        manifest = json.loads((self.output / stage / "dataset.json").read_bytes())
        counts = {name: status.count(name) for name in ("ok", "quarantined", "skipped")}
        assert manifest["samples"] == {"found": len(records)} | counts
        assert sum(shard["samples"] for shard in manifest["shards"]) in {counts["ok"], 0}
        assert all(
            record["reason"] and record["reason"].isprintable()
            for record in records.values()
            if record["status"] == "quarantined"
        )
        return records

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Starts ``imgprep ARGUMENTS``."""
        environment = unmeasured() | {"NO_COLOR": "1"} | options.pop("env", {})
        command = [sys.executable, "-m", "imgprep", *map(str, arguments)]
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command, cwd=self.folder, env=environment, text=True, **pipes, **options)

    def run(self, *arguments: object, timeout: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs ``imgprep ARGUMENTS`` in a process of its own."""
        with self.start(*arguments, **options) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            finally:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGKILL)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def leftovers(self) -> list[str]:
        """Files that are not complete, wherever they are."""
        return [str(path) for path in self.output.rglob(".tmp-*")]

    def content(self) -> dict[str, bytes]:
        """Every file of the datasets."""
        files = (path for stage in STAGES for path in (self.output / stage).rglob("*") if path.is_file())
        return {str(path.relative_to(self.output)): path.read_bytes() for path in files}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case(tmp_path)
    made.source.mkdir()
    made.write()
    return made


@pytest.fixture(scope="session")
def new_case() -> type[Case]:
    return Case


@pytest.fixture
def imgprep(
    case: Case, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``imgprep ARGUMENTS`` in this process; no input may make a traceback or report a defect."""
    from imgprep.cli.exit_status import run

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(case.folder)
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err, err
        assert "a defect in imgprep" not in err, err
        return subprocess.CompletedProcess(arguments, code, out, err)

    return call
