"""What the tests of engines ask of processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_fork_servers(own_fork_servers: None) -> None:
    """How they are started and ended is what these tests are about."""


@pytest.fixture
def children() -> Callable[[], list[int]]:
    """Lists the process ids of the fork servers of this process and of their workers, those that a test has started."""

    def listing(parent: int | None = None) -> list[int]:
        found: list[int] = []
        for task in Path(f"/proc/{parent or os.getpid()}/task").glob("*/children"):
            with suppress(OSError):
                for child in map(int, task.read_text().split()):
                    command = Path(f"/proc/{child}/cmdline").read_bytes()
                    if not command or b"imgprep.engines.forkserver" in command:
                        found += [child, *listing(child)]
        return found

    before = set(listing())  # those of engines that other tests share
    return lambda: [child for child in listing() if child not in before]


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Runs a program in a fresh interpreter that finds what this one finds; gives what it prints."""

    def run(program: str) -> str:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    return run
