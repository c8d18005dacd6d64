"""Images that take their time, for the tests that interrupt a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest


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
