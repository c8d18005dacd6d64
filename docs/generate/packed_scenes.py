"""Packed datasets on which the rules about them fail: facts alone, since imgprep makes no dataset with such faults."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.packed import Fitted, Packed, PackedIndex, ShardFacts, shard_facts

CLASSES: Final = ("apple", "pear")


class PackedScene(NamedTuple):
    """What a rule is shown on.

    Attributes:
        about: says what was done to the dataset.
        packed: the dataset.
    """

    about: str
    packed: Packed


def _index(fitted: Fitted | None = None) -> PackedIndex:
    counts = {"train": {"apple": 2, "pear": 2}, "test": {"apple": 1, "pear": 1}}
    return PackedIndex(CLASSES, counts, "float32", (0.0, 1.0) if fitted is None else None, fitted)


def _shard(
    split: str, labels: list[int], image: NDArray[Any] | None = None, parents: list[str] | None = None
) -> ShardFacts:
    count = len(labels)
    arrays = {
        "image": np.full((count, 2, 2, 3), 0.5, np.float32) if image is None else image,
        "label": np.array(labels),
        "id": np.array([f"{CLASSES[label]}/{number}.jpg" for number, label in enumerate(labels, 1)]),
        "parent": np.array(parents or [""] * count),
    }
    return shard_facts(f"{split}-00000-of-00001.h5", split, arrays)


def _spoiled() -> NDArray[Any]:
    image = np.full((4, 2, 2, 3), 0.5, np.float32)
    image[1, 0, 0, 0] = np.nan
    image[2] = 255
    return image


def scenes() -> Mapping[str, PackedScene]:
    """Rule -> what it is shown on."""
    train, test = _shard("train", [0, 0, 1, 1]), _shard("test", [0, 1])
    wrong = Fitted("originals", 0.25, centered=False)
    return {
        "packed-values": PackedScene(
            "One image holds a value that is not a number, another one was not divided by 255.",
            Packed(_index(), (_shard("train", [0, 0, 1, 1], _spoiled()), test)),
        ),
        "packed-counts": PackedScene(
            "A row was taken out of the training shard.",
            Packed(_index(), (_shard("train", [0, 0, 1]), test)),
        ),
        "packed-evaluation": PackedScene(
            "An augmented copy came into the test split.",
            Packed(_index(), (train, _shard("test", [0, 1], parents=["apple/9.jpg", ""]))),
        ),
        "packed-statistics": PackedScene(
            "The mean that was subtracted is not that of the training images.", Packed(_index(wrong), (train, test))
        ),
    }
