"""Fixtures that many tests share."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SLOW = ("e2e", "faults", "seams")
"""Folders whose tests run the whole program, mostly in processes of its own: all of them are slow."""
RunCli = Callable[..., subprocess.CompletedProcess[str]]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Looks for doctests in the package only: programs that tests run are not imported on the way."""
    program = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if program else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of some folders as slow; `make test-fast` leaves them out."""
    for item in items:
        if any((ROOT / "tests" / folder) in item.path.parents for folder in SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project: pyproject.toml, configs, sample_data."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data(root: Path) -> Path:
    """Real images beside the checkout; a test that wants them is skipped where they are not."""
    folder = root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real images (../shared/data) are not here")
    return folder


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A folder per class (ash, oak, elm) with 4, 3 and 5 PNG files of 12 x 10 pixels, no two alike."""
    folder = tmp_path / "collection"
    random = np.random.default_rng(7)
    for label, number in {"ash": 4, "oak": 3, "elm": 5}.items():
        (folder / label).mkdir(parents=True)
        for index in range(number):
            pixels = random.integers(0, 256, (12, 10, 3), np.uint8)
            assert cv2.imwrite(str(folder / label / f"{index:04d}.png"), pixels)
    return folder


@pytest.fixture
def run_cli(tmp_path: Path) -> RunCli:
    """Runs `imgprep ARGUMENTS` as a user would, in an empty folder unless told otherwise; standard input is closed."""

    def run(
        *arguments: object,
        cwd: Path = tmp_path,
        env: dict[str, str] | None = None,
        python: tuple[str, ...] = (),
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *python, "-m", "imgprep", *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"NO_COLOR": "1"} | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def server() -> Iterator[Any]:
    """A web server on 127.0.0.1."""
    from tests.support.web import serving

    with serving() as made:
        yield made
