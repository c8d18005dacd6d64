import numpy as np
import pytest

from imgprep.dataset.loader import Dataset
from tests.dataset.adapters.conftest import PRICE, SHAPE, STATE, TOTAL, Packed

tf = pytest.importorskip("tensorflow")


def test_shapes_dtypes_and_cardinality_are_known(packed: Packed) -> None:
    found = packed().tf(4)
    images, labels = found.element_spec
    assert (images.shape.as_list(), images.dtype) == ([None, *SHAPE], tf.uint8)
    assert (labels.shape.as_list(), labels.dtype) == ([None], tf.int64)
    assert int(found.cardinality()) == 6
    single, label = packed("float32", one_hot=True).tf().element_spec
    assert (single.shape.as_list(), single.dtype) == (list(SHAPE), tf.float32)
    assert (label.shape.as_list(), label.dtype) == ([3], tf.float32)


def test_every_image_comes_once_in_each_epoch_in_an_order_of_its_own(packed: Packed) -> None:
    found = packed().tf(4, shuffle=True, seed=1)
    orders = []
    for _ in range(2):
        images, labels = (np.concatenate(column) for column in zip(*found.as_numpy_iterator(), strict=True))
        orders.append(images[:, -1, -1, -1].tolist())
        assert labels.tolist() == [number % 2 * 2 for number in orders[-1]]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(TOTAL))


def test_single_images_are_all_there(packed: Packed) -> None:
    found = packed("uint16").tf()
    assert int(found.cardinality()) == TOTAL
    assert [int(image[-1, -1, -1]) for image, _ in found.as_numpy_iterator()] == list(range(TOTAL))


def test_targets_are_in_a_dictionary_beside_the_label(packed: Packed) -> None:
    found = packed(targets=["price", "state", "tags"]).tf(8)
    _, spec = found.element_spec
    kinds = {name: (each.shape.as_list(), each.dtype) for name, each in spec.items()}
    assert kinds == {
        "label": ([None], tf.int64), "price": ([None], tf.float32), "state": ([None], tf.int64),
        "tags": ([None, 2], tf.float32),
    }  # fmt: skip
    answers = [batch for _, batch in found.as_numpy_iterator()]
    np.testing.assert_array_equal(np.concatenate([each["price"] for each in answers]), PRICE)
    assert np.concatenate([each["state"] for each in answers]).tolist() == STATE.tolist()


def test_features_take_the_place_of_images(features: Dataset) -> None:
    found = features.tf(8)
    assert found.element_spec[0].shape.as_list() == [None, 4]
    values = np.concatenate([values for values, _ in found.as_numpy_iterator()])
    np.testing.assert_array_equal(values, features.arrays()[0])
