"""Fixtures that many tests share."""

import gc
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

# Before numpy is imported: the tests keep all cores busy, and a product of matrices that waits for a thread which waits
# for a core takes a hundred times as long. The processes that tests start inherit it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import numpy as np
import pytest
from _pytest.doctest import DoctestModule

# A shell that runs the tests in the background has them ignore Ctrl-C, and what they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SLOW = ("e2e", "faults", "seams")
"""Folders whose tests run the whole program, mostly in processes of its own: all of them are slow."""

pytest_plugins = [
    "tests.support.cluster_runs",
    "tests.support.native",
    "tests.support.project_fixtures",
    "tests.support.spec_fixtures",
    "tests.support.stage_fixtures",
    "tests.support.object_store",
]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Looks for doctests in the package only: programs that tests run are not imported on the way."""
    program = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if program else None


def pytest_configure(config: pytest.Config) -> None:
    """See `what_is_measured`."""
    from tests.support.what_is_measured import Measured

    config.pluginmanager.register(Measured())


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Looks for doctests in the package only: a module that cannot be imported would be skipped, with its tests."""
    found = yield
    tests = file_path.name.startswith("test_")
    return [collector for collector in found if not (tests and isinstance(collector, DoctestModule))]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What is found lives as long as the process: nobody looks through it for garbage, meanwhile and afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of some folders as slow; `make test-fast` leaves them out. Their files come first.

    With two processes, of which each takes a file when it has nothing left to do, none waits long for the last one.
    """
    folders = [ROOT / "tests" / folder for folder in SLOW]
    whole = {path for path in {item.path for item in items} if any(map(path.is_relative_to, folders))}
    for item in items:
        if item.path in whole:
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written here need not survive a power cut; tests/dataset/test_manifest.py looks at durability."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


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
def server() -> Iterator[Any]:
    """A web server on 127.0.0.1."""
    from tests.support.web import serving

    with serving() as made:
        yield made
