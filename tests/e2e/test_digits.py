"""Where strangers look alike, as digits do, the audit goes by the stricter comparison that the split goes by."""

import gzip
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.project import Project


def drawn() -> NDArray[np.uint8]:
    """(160, 28, 28) one simple picture that differs a little each time: the hashes form a chain, as those of digits."""
    random = np.random.default_rng(1)
    base, noise = random.integers(0, 256, (8, 8)), random.normal(0, 12, (160, 8, 8))
    small = np.clip(base + noise, 0, 255).astype(np.uint8)
    return np.stack([cv2.resize(each, (28, 28), interpolation=cv2.INTER_CUBIC) for each in small])


def real(shared_data: Path) -> NDArray[np.uint8]:
    """(4000, 28, 28) the first digits of MNIST."""
    with gzip.open(shared_data / "mnist" / "train-images-idx3-ubyte.gz") as file:
        return np.frombuffer(file.read(16 + 4000 * 784), np.uint8, offset=16).reshape(-1, 28, 28)


def check(project: Project, images: NDArray[np.uint8]) -> None:
    """Both commands lower the distance to the same, and what the audit calls alike is in one split."""
    folder = project.source
    folder.mkdir(parents=True)
    header = struct.pack(">4B3I", 0, 0, 8, 3, *images.shape)
    (folder / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    labels = np.arange(len(images), dtype=np.uint8) % 2
    (folder / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, len(labels)) + labels.tobytes())
    project.write(
        source={"layout": "idx", "path": str(folder), "splits": "ignore"},
        convert={"channels": "gray"},
        split={"test": 0.25, "validation": 0.25},
        execution={"engine": "serial"},
    )
    audited = project.call("audit", project.spec, "--format", "json")
    found = [each for each in json.loads(audited.stdout)["findings"] if each["rule"] == "near-duplicate"]
    alike = [each for each in found if each["status"] == "fail"]
    divided = project.call("split", project.spec)
    assert divided.returncode == 0, divided.stderr
    (said,) = re.findall(
        r"unrelated images look alike; only (?:hashes within (\d) of 64 bits|equal hashes)", divided.stderr
    )
    distance = int(said or 0)
    assert distance < 4
    words = f"perceptual hashes within {distance} of 64 bits; at 4 they tell hardly any apart here"
    assert alike
    assert all(words in each["message"] for each in alike)
    assert max(len(each["samples"]) for each in alike) <= max(50, len(images) // 100)  # no chain of strangers
    splits = {id_: record["split"] for id_, record in project.samples("split").items()}
    assert all(len({splits[id_] for id_ in each["samples"]}) == 1 for each in alike)
    passed = [each for each in found if each["status"] == "pass"]
    assert all("mirrored, turned and cropped copies are not looked for" in each["message"] for each in passed)


def test_drawn_digits(new_project: Callable[..., Project], tmp_path: Path) -> None:
    check(new_project(tmp_path / "digits"), drawn())


@pytest.mark.slow
def test_real_digits(new_project: Callable[..., Project], tmp_path: Path, shared_data: Path) -> None:
    check(new_project(tmp_path / "digits"), real(shared_data))
