import numpy as np
import pytest

from imgprep.dataset.loader import Dataset
from tests.dataset.adapters.conftest import TOTAL, Packed

grain = pytest.importorskip("grain")


def test_a_source_gives_every_image_once_shuffled_and_batched(packed: Packed) -> None:
    source = packed().grain()
    assert len(source) == TOTAL
    pipeline = grain.MapDataset.source(source).seed(3).shuffle().batch(4)
    batches = [pipeline[number] for number in range(len(pipeline))]
    order = np.concatenate([batch["image"][:, -1, -1, -1] for batch in batches]).tolist()
    labels = np.concatenate([batch["label"] for batch in batches]).tolist()
    assert order != sorted(order)
    assert sorted(order) == list(range(TOTAL))
    assert labels == [number % 2 * 2 for number in order]


def test_its_name_says_which_data_it_holds(packed: Packed) -> None:
    source = packed().grain()
    assert repr(source) == repr(packed("float32").grain()).replace("float32", "uint8")
    assert "train" in repr(source)


def test_targets_are_further_members(packed: Packed) -> None:
    element = packed(targets=["tags", "state"]).grain()[11]
    assert sorted(element) == ["image", "label", "state", "tags"]
    assert (element["state"], element["tags"].tolist()) == (2, [1, 1])


def test_features_take_the_place_of_images(features: Dataset) -> None:
    element = features.grain()[11]
    assert sorted(element) == ["feature", "label"]
    assert (element["feature"].tolist(), element["label"]) == (features[11][0].tolist(), 2)
