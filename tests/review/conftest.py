"""A review of nine images that need no spec, and a browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from imgprep.review.server import ReviewServer
from imgprep.review.session import Judged, LabelSession, SavedFile, Shown

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CLASSES = ("apple", "pear", "plum")


def picture(value: int) -> bytes:
    """A JPEG file of one grey."""
    return cv2.imencode(".jpg", np.full((40, 60, 3), value, np.uint8))[1].tobytes()


@pytest.fixture
def new_session(tmp_path: Path) -> Callable[[], LabelSession]:
    """Makes a session on the same table again and again, as a program that is started again does."""

    def call() -> LabelSession:
        images = [Shown(f"{CLASSES[i % 3]}/{i}.jpg", CLASSES[i % 3], picture(20 * i)) for i in range(9)]
        path = tmp_path / "review.csv"
        lines = path.read_text("utf-8").splitlines()[1:] if path.exists() else []
        answers = [line.split(",")[2] for line in lines] or [""] * 9
        return LabelSession("fruits", CLASSES, images, answers, SavedFile(path), Judged((30, 30, 30), 0.04, 0.95))

    return call


@pytest.fixture
def served(new_session: Callable[[], LabelSession]) -> Iterator[ReviewServer]:
    with ReviewServer(new_session()) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright; it reaches this machine only."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright; install imgprep[test]")
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), chromium_sandbox=False)
        yield made
        made.close()
