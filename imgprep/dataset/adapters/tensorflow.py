"""A dataset for TensorFlow's tf.data."""

import itertools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from imgprep.dataset.adapters.base import LoadedSplit, joint, with_answers
from imgprep.dataset.batches import Pass


def tf_dataset(dataset: LoadedSplit, pass_: Pass, *, batched: bool) -> Any:
    """A `tf.data.Dataset` of (image, label) with shapes, dtypes and cardinality set.

    Where targets were asked for, the place of the label takes a dictionary of ``label`` and the targets.

    Args:
        dataset: a loaded split.
        pass_: of the first iteration; each further one is the next epoch.
        batched: give batches; else single images, though they are read in batches.
    """
    epochs = itertools.count(pass_.epoch)

    def batches() -> Iterator[tuple[Any, Any]]:
        for batch in dataset.pass_(pass_.of_epoch(next(epochs))):
            images, labels, targets = with_answers(batch)
            yield images, joint(labels, targets)

    answers = with_answers(dataset[:0])
    signature = (
        tf.TensorSpec((None, *dataset.image_shape), tf.as_dtype(dataset.dtype)),
        joint(_spec(answers[1]), {name: _spec(values) for name, values in answers[2].items()}),
    )
    found = tf.data.Dataset.from_generator(batches, output_signature=signature)
    rows = len(pass_.order(len(dataset)))
    if not batched:
        return found.unbatch().apply(tf.data.experimental.assert_cardinality(rows))
    return found.apply(tf.data.experimental.assert_cardinality(-(-rows // pass_.batch_size)))


def _spec(values: Any) -> Any:
    return tf.TensorSpec((None, *values.shape[1:]), tf.as_dtype(values.dtype))
