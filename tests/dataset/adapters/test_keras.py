import math
import os

import numpy as np
import pytest

from imgprep.dataset.loader import Dataset
from tests.dataset.adapters.conftest import SHAPE, TAGS, TOTAL, Packed

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


def test_batches_hold_every_image_once_and_each_epoch_has_its_order(packed: Packed) -> None:
    train = packed().keras(4, shuffle=True, seed=7)
    assert isinstance(train, keras.utils.PyDataset)
    assert len(train) == 6
    orders = []
    for _ in range(2):
        batches = [train[number] for number in range(len(train))]
        assert [len(images) for images, _ in batches] == [4, 4, 4, 4, 4, 3]
        images, labels = (np.concatenate(column) for column in zip(*batches, strict=True))
        orders.append(images[:, -1, -1, -1].tolist())
        assert labels.dtype == np.int64
        assert labels.tolist() == [number % 2 * 2 for number in orders[-1]]
        train.on_epoch_end()
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(TOTAL))
    with pytest.raises(IndexError):
        train[6]


def test_class_weights_reach_their_class_though_another_is_empty(packed: Packed) -> None:
    train = packed("float32")
    assert train.class_weight == {0: 0.75, 1: 0.0, 2: 1.5}
    model = keras.Sequential([keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    model.layers[-1].set_weights([np.zeros((90, 3)), np.zeros(3)])
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    history = model.fit(train.keras(TOTAL), class_weight=train.class_weight, shuffle=False, verbose=0)
    weights = np.where(np.arange(TOTAL) % 2, 1.5, 0.75)
    # Keras divides the weighted sum by the number of images, or since 3.7 by the weights; equal predictions: ln 3 each.
    assert history.history["loss"][0] == pytest.approx(np.log(3) * weights.mean(), rel=1e-4) or history.history["loss"][
        0
    ] == pytest.approx(np.log(3), rel=1e-4)


@pytest.mark.parametrize("workers", [0, 2])
def test_fit_sees_every_image_once_in_each_epoch(packed: Packed, workers: int) -> None:
    class Count(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            del batch, logs
            Count.batches += 1

    train = packed("float32", one_hot=True)
    model = keras.Sequential([keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    options = {} if workers == 0 else {"workers": workers, "use_multiprocessing": False}
    history = model.fit(train.keras(5, shuffle=True, **options), epochs=2, verbose=0, callbacks=[Count()])
    assert len(history.history["accuracy"]) == 2
    assert Count.batches == 2 * 5


def test_targets_are_outputs_beside_the_label(packed: Packed) -> None:
    train = packed("float32", targets=["state", "tags"])
    _, answers = train.keras(4)[1]
    assert sorted(answers) == ["label", "state", "tags"]
    assert answers["tags"].tolist() == TAGS[4:8].tolist()
    assert answers["state"].dtype == np.int64
    inputs = keras.layers.Input(SHAPE)
    flat = keras.layers.Flatten()(inputs)
    outputs = {
        "label": keras.layers.Dense(3, "softmax", name="label")(flat),
        "state": keras.layers.Dense(3, "softmax", name="state")(flat),
        "tags": keras.layers.Dense(2, "sigmoid", name="tags")(flat),
    }
    model = keras.Model(inputs, outputs)
    sparse = keras.losses.SparseCategoricalCrossentropy(ignore_class=train.targets["state"].missing_index)
    model.compile(loss={"label": "sparse_categorical_crossentropy", "state": sparse, "tags": "binary_crossentropy"})
    history = model.fit(train.keras(8), shuffle=False, verbose=0)
    assert math.isfinite(float(history.history["loss"][0]))


def test_features_take_the_place_of_images(features: Dataset) -> None:
    train = features.keras(8)
    np.testing.assert_array_equal(np.concatenate([train[number][0] for number in range(3)]), features.arrays()[0])
