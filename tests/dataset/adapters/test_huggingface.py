from pathlib import Path

import numpy as np
import pytest

from imgprep.dataset.loader import Dataset
from tests.dataset.adapters.conftest import CLASSES, SHAPE, TOTAL, Packed

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_images_and_labels_have_their_features_and_no_bit_changes(packed: Packed) -> None:
    train = packed()
    found = train.huggingface()
    assert isinstance(found.features["image"], datasets.Image)
    assert found.features["label"].names == list(CLASSES)
    assert (len(found), str(found.split)) == (TOTAL, "train")
    assert found["id"][:3] == ["0.jpg", "1.jpg", "2.jpg"]
    for number in (0, 7, 22):
        image, label = train[number]
        np.testing.assert_array_equal(np.asarray(found[number]["image"]), image)
        assert found[number]["label"] == label


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 1), ("uint16", 1), ("uint16", 3), ("float32", 3)])
def test_other_depths_keep_their_values(packed: Packed, dtype: str, channels: int) -> None:
    train = packed(dtype, shape=(*SHAPE[:2], channels))
    row = train.huggingface().with_format("numpy")[5]
    np.testing.assert_array_equal(row["image"].reshape(*SHAPE[:2], channels), train[5][0])


def test_one_hot_labels_are_lists(packed: Packed) -> None:
    assert packed(one_hot=True).huggingface()[1]["label"] == [0.0, 0.0, 1.0]


def test_targets_are_columns_with_their_names(packed: Packed) -> None:
    found = packed(targets=["state", "price", "tags"]).huggingface()
    assert found.features["state"].names == ["bad", "fair", "good"]
    assert found.features["price"] == datasets.Value("float32")
    rows = [found[number] for number in (4, 5, 11)]
    assert [row["state"] for row in rows] == [None, 2, 2]
    assert [row["price"] for row in rows] == [2.0, None, 5.5]
    assert [row["tags"] for row in rows] == [[], [0], [0, 1]]


def test_features_take_the_place_of_images(features: Dataset) -> None:
    found = features.huggingface()
    assert sorted(found.features) == ["feature", "id", "label"]
    assert np.array(found["feature"], np.float32).tolist() == features.arrays()[0].tolist()
