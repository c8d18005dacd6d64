"""A Dask cluster of processes of its own, over TCP on this machine, without coverage: its event loops never rest."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.support.project import poll
from tests.support.what_is_measured import unmeasured

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Cluster:
    """A scheduler, and workers of one thread each; a context manager.

    Attributes:
        folder: for their files.
        workers: how many at first.
    """

    folder: Path
    workers: int
    nodes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    scheduler: Any = None

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        address: str = json.loads(self.file.read_text())["address"]
        return address

    def __enter__(self) -> Self:
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(self.file)
        )
        poll(lambda: self.file.exists() and self.file.read_text().endswith("}"), "the scheduler")
        for _ in range(self.workers):
            self.add()
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.nodes, self.scheduler):
            process.kill()
            process.wait()

    def add(self) -> "subprocess.Popen[bytes]":
        """Starts one more worker."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))
        self.nodes.append(self._start("worker", self.address, *options))
        return self.nodes[-1]

    def kill(self) -> None:
        """Kills the first worker, as a node that loses its power."""
        node = self.nodes.pop(0)
        node.send_signal(signal.SIGKILL)
        node.wait()

    def _start(self, *words: str) -> "subprocess.Popen[bytes]":
        environment = {**unmeasured(), "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words], env=environment, stdout=log, stderr=log, cwd=self.folder
            )
