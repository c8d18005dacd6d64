import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from imgprep.pipeline.stage_images import Images
from imgprep.stages.pack.selection import SelectedRows, Selection, split_names
from imgprep.table.columns import StringColumn
from imgprep.table.sample import SampleTable

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
def chosen(stages: list[Images]) -> Selection:
    return Selection.of(stages, [np.array([0, 1, 3]), np.array([0, 1])], ("a", "b", "c"))


def rows(chosen: Selection | SelectedRows) -> list[tuple[object, ...]]:
    selected = chosen.columns()
    columns = selected.stage.tolist(), map(tuple, selected.place.tolist()), selected.label.tolist()
    return list(zip(*columns, selected.id, selected.parent, strict=True))


def test_rows_come_stage_after_stage(chosen: Selection) -> None:
    assert rows(chosen) == [
        (0, (0, 0), 1, "b/0000.png", ""),
        (0, (0, 1), 0, "a/0001.png", ""),
        (0, (1, 1), 2, "c/0003.png", ""),
        (1, (0, 0), 0, "a/0000.png", "a/0001.png"),
        (1, (0, 1), 2, "c/0001.png", "c/0003.png"),
    ]
    assert rows(chosen[1:3]) == rows(chosen)[1:3]
    mixed = np.array([4, 0, 3, 1, 2])
    assert rows(chosen[mixed]) == [rows(chosen)[row] for row in mixed.tolist()]


def test_a_worker_gets_the_rows_of_its_shard_only(chosen: Selection) -> None:
    part = chosen[np.array([3, 1])]
    sent = pickle.loads(pickle.dumps(part))
    assert isinstance(sent, SelectedRows)
    assert sent.columns() is sent
    assert rows(sent) == rows(part)
    assert len(sent) == len(part) == 2
    assert sent.digest() == part.digest()


def test_shuffling_is_a_permutation_that_seed_and_split_decide(chosen: Selection, stages: list[Images]) -> None:
    many = Selection.of(stages[:1], [np.arange(5).repeat(20)], ("a", "b", "c"))
    shuffled = rows(many.shuffled(1, "train"))
    assert sorted(shuffled, key=repr) == sorted(rows(many), key=repr)
    assert shuffled != rows(many)
    assert shuffled == rows(many.shuffled(1, "train"))
    assert shuffled != rows(many.shuffled(2, "train"))
    assert shuffled != rows(many.shuffled(1, "test"))


def test_grouping_sorts_within_each_range(chosen: Selection) -> None:
    grouped = chosen.grouped([slice(0, 3), slice(3, 5)])
    assert grouped.label().tolist() == [0, 1, 2, 0, 2]
    assert sorted(rows(grouped), key=repr) == sorted(rows(chosen), key=repr)
    assert len(chosen[:0].grouped([])) == 0


def test_the_digest_knows_everything_that_a_shard_holds(chosen: Selection) -> None:
    selected = chosen.columns()
    others = [
        replace(selected, stage=1 - selected.stage),
        replace(selected, place=selected.place + 1),
        replace(selected, label=selected.label + 1),
        replace(selected, id=StringColumn.of(reversed(selected.id))),
        replace(selected, parent=StringColumn.of("x" for _ in selected.parent)),
        chosen[:4],
    ]
    assert len({selected.digest(), *(other.digest() for other in others)}) == len(others) + 1
    assert selected.digest() == chosen[np.arange(5)].digest()


def test_splits_of_augmentation_come_after_the_others(stages: list[Images]) -> None:
    assert split_names(("train", "validation", "test"), None) == ("train", "validation", "test")
    assert split_names(("train", "test"), stages[1]) == ("train", "test", "test-inverted")
    assert split_names(("train",), replace(stages[1], table=SampleTable.of([]))) == ("train",)
