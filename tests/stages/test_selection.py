from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from imgprep.columns import StringColumn
from imgprep.sample import SampleTable
from imgprep.stages.selection import Picked, split_names
from imgprep.stages.tables import Images

MakeImages = Callable[..., Images]


@pytest.fixture
def stages(images: MakeImages) -> list[Images]:
    """Five originals, and three copies of them as an augment stage has them."""
    random = np.random.default_rng(0)
    originals = images(random.integers(0, 256, (5, 2, 2, 3), np.uint8), ["b", "a", "b", "c", "a"], [2, 3])
    made = images(
        random.integers(0, 256, (3, 2, 2, 3), np.uint8),
        ["a", "c", "a"],
        [3],
        output="augmented",
        columns={"split": ["train", "train", "test-inverted"]},
    )
    return [originals, replace(made, parents=StringColumn.of(["a/0001.png", "c/0003.png", "a/0001.png"]))]


@pytest.fixture
def picked(stages: list[Images]) -> Picked:
    return Picked.of(stages, [np.array([0, 1, 3]), np.array([0, 1])], ("a", "b", "c"))


def rows(picked: Picked) -> list[tuple[object, ...]]:
    columns = picked.stage.tolist(), picked.number.tolist(), map(tuple, picked.place.tolist()), picked.label.tolist()
    return list(zip(*columns, picked.id, picked.parent, strict=True))


def test_rows_come_stage_after_stage(picked: Picked) -> None:
    assert rows(picked) == [
        (0, 0, (0, 0), 1, "b/0000.png", ""),
        (0, 1, (0, 1), 0, "a/0001.png", ""),
        (0, 3, (1, 1), 2, "c/0003.png", ""),
        (1, 0, (0, 0), 0, "a/0000.png", "a/0001.png"),
        (1, 1, (0, 1), 2, "c/0001.png", "c/0003.png"),
    ]
    assert rows(picked[1:3]) == rows(picked)[1:3]


def test_shuffling_is_a_permutation_that_seed_and_split_decide(picked: Picked, stages: list[Images]) -> None:
    many = Picked.of(stages[:1], [np.arange(5).repeat(20)], ("a", "b", "c"))
    shuffled = rows(many.shuffled(1, "train"))
    assert sorted(shuffled, key=repr) == sorted(rows(many), key=repr)
    assert shuffled != rows(many)
    assert shuffled == rows(many.shuffled(1, "train"))
    assert shuffled != rows(many.shuffled(2, "train"))
    assert shuffled != rows(many.shuffled(1, "test"))


def test_grouping_sorts_within_each_range(picked: Picked) -> None:
    grouped = picked.grouped([slice(0, 3), slice(3, 5)])
    assert grouped.label.tolist() == [0, 1, 2, 0, 2]
    assert sorted(rows(grouped), key=repr) == sorted(rows(picked), key=repr)
    assert len(picked[:0].grouped([])) == 0


def test_the_digest_knows_everything_that_a_shard_holds(picked: Picked) -> None:
    others = [
        replace(picked, stage=1 - picked.stage),
        replace(picked, place=picked.place + 1),
        replace(picked, label=picked.label + 1),
        replace(picked, id=StringColumn.of(reversed(picked.id))),
        replace(picked, parent=StringColumn.of("x" for _ in picked.parent)),
        picked[:4],
    ]
    assert len({picked.digest(), *(other.digest() for other in others)}) == len(others) + 1
    assert picked.digest() == picked[np.arange(5)].digest()


def test_splits_of_augmentation_come_after_the_others(stages: list[Images]) -> None:
    assert split_names(("train", "validation", "test"), None) == ("train", "validation", "test")
    assert split_names(("train", "test"), stages[1]) == ("train", "test", "test-inverted")
    assert split_names(("train",), replace(stages[1], table=SampleTable.of([]))) == ("train",)
