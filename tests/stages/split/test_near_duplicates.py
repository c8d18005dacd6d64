from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage_images import Images
from imgprep.stages.split.near_duplicates import clusters

MakeImages = Callable[..., Images]
MakeMachine = Callable[..., RunContext]


def scene(seed: int, side: int = 48) -> np.ndarray:
    """A smooth image with large shapes, as photographs are."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(("engine", "workers"), [("serial", 1), ("processes", 2)])
def test_images_that_look_alike_are_one_cluster(
    images: MakeImages, context: MakeMachine, engine: str, workers: int
) -> None:
    one, two, three = scene(1), scene(2), scene(3)
    brighter = cv2.convertScaleAbs(one, alpha=1.0, beta=6)
    pixels = np.stack([one, two, brighter, three, one])
    found = clusters(context(engine, workers), images(pixels, ["a", "a", "b", "b", "a"], [2, 0, 1, 2]))
    assert found.tolist() == [0, 1, 0, 3, 0]


@pytest.mark.parametrize(("channels", "dtype"), [(1, "u1"), (1, "u2"), (3, "u2")])
def test_gray_and_deep_images_have_clusters_too(
    images: MakeImages, context: MakeMachine, channels: int, dtype: str
) -> None:
    pixels = np.stack([scene(seed)[..., :channels] for seed in (1, 2, 1)]).astype(dtype)
    pixels *= 257 if dtype == "u2" else 1
    assert clusters(context(), images(pixels, ["a"] * 3)).tolist() == [0, 1, 0]


def test_strangers_are_apart(images: MakeImages, context: MakeMachine) -> None:
    found = clusters(context(), images(np.stack([scene(seed) for seed in range(30)]), ["a"] * 30, [10, 20]))
    assert found.tolist() == list(range(30))


def test_no_images_have_no_clusters(images: MakeImages, context: MakeMachine) -> None:
    none = images(np.zeros((0, 4, 4, 3), np.uint8), [], classes=["a"])
    assert clusters(context(), none).shape == (0,)


class Notes:
    """A monitor that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, message: str) -> None:
        self.said.append(message)

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_: None


@pytest.mark.parametrize(("images_", "said"), [("strangers", False), ("digits", True)])
def test_a_stricter_comparison_is_said_in_one_short_line(
    images: MakeImages, context: MakeMachine, images_: str, said: bool
) -> None:
    """Simple pictures that differ a little form a chain of hashes, as digits do."""
    if images_ == "strangers":
        pixels = np.stack([scene(seed) for seed in range(8)])
    else:
        noise = np.random.default_rng(0).normal(0, 5, (160, 8, 8))
        small = np.clip(scene(1, 8)[..., 0] + noise, 0, 255).astype(np.uint8)
        pixels = np.stack([cv2.resize(each, (48, 48), interpolation=cv2.INTER_CUBIC) for each in small])[..., None]
    notes = Notes()
    clusters(replace(context(), monitor=notes), images(pixels, ["a"] * len(pixels)))
    assert len(notes.said) == said
    assert all(note.startswith("split.near_duplicates: unrelated") and len(note) <= 110 for note in notes.said)
