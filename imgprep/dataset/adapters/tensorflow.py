"""A dataset for TensorFlow's tf.data."""

import itertools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from imgprep.dataset.adapters.base import LoadedSplit
from imgprep.dataset.batches import Pass


def tf_dataset(dataset: LoadedSplit, pass_: Pass, *, batched: bool) -> Any:
    """A `tf.data.Dataset` of (image, label) with shapes, dtypes and cardinality set.

    Args:
        dataset: a loaded split.
        pass_: of the first iteration; each further one is the next epoch.
        batched: give batches; else single images, though they are read in batches.
    """
    epochs = itertools.count(pass_.epoch)

    def batches() -> Iterator[tuple[Any, Any]]:
        for images, labels in dataset.pass_(pass_.of_epoch(next(epochs))):
            yield images, labels.astype(label_type.as_numpy_dtype)

    one_hot = dataset.one_hot
    label_type = tf.float32 if one_hot else tf.int64
    signature = (
        tf.TensorSpec((None, *dataset.image_shape), tf.as_dtype(dataset.dtype)),
        tf.TensorSpec((None, len(dataset.classes)) if one_hot else (None,), label_type),
    )
    found = tf.data.Dataset.from_generator(batches, output_signature=signature)
    rows = len(pass_.order(len(dataset)))
    if not batched:
        return found.unbatch().apply(tf.data.experimental.assert_cardinality(rows))
    return found.apply(tf.data.experimental.assert_cardinality(-(-rows // pass_.batch_size)))
