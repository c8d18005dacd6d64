"""Makes `engine_jobs` importable by its plain name, here and in worker processes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from imgprep.engines import cool_down

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def children() -> Callable[[], list[int]]:
    """Lists the process ids of the nurseries of this process and of their workers."""

    def listing(parent: int | None = None) -> list[int]:
        found: list[int] = []
        for task in Path(f"/proc/{parent or os.getpid()}/task").glob("*/children"):
            with suppress(OSError):
                for child in map(int, task.read_text().split()):
                    command = Path(f"/proc/{child}/cmdline").read_bytes()
                    if not command or b"imgprep.engines.nursery" in command:
                        found += [child, *listing(child)]
        return found

    return listing


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


@pytest.fixture(autouse=True, scope="session")
def _nothing_remains() -> Iterator[None]:
    yield
    cool_down()
