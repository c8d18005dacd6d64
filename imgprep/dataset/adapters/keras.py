"""A dataset for Keras 3, whichever its backend."""

import math
from typing import Any, Unpack

import keras

from imgprep.dataset.adapters.base import KerasOptions, LoadedSplit, joint, with_answers
from imgprep.dataset.batches import Pass


class KerasDataset(keras.utils.PyDataset):  # type: ignore[misc]
    """A `keras.utils.PyDataset`: ``model.fit(train.keras(32), class_weight=train.class_weight)``.

    Each epoch has its own order, which depends on the seed and the number of the epoch alone. Pass ``shuffle=False`` to
    ``fit``, or Keras shuffles the batches once more. Where targets were asked for, a model has an output of the name of
    each, and one called ``label``.

    Args:
        dataset: a loaded split.
        pass_: of the first epoch.
        **options: of Keras; see `KerasOptions`.
    """

    def __init__(self, dataset: LoadedSplit, pass_: Pass, **options: Unpack[KerasOptions]) -> None:
        super().__init__(**options)
        self._dataset = dataset
        self._first = pass_
        self._order = pass_.order(len(dataset))
        self.epoch = pass_.epoch

    def __len__(self) -> int:
        """Batches of an epoch."""
        return math.ceil(len(self._order) / self._first.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """(B, H, W, C) images and (B,) int64 or (B, K) float32 labels; with targets a dictionary of label and them."""
        size = self._first.batch_size
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        images, labels, targets = with_answers(self._dataset[self._order[index * size : (index + 1) * size]])
        return images, joint(labels, targets)

    def on_epoch_end(self) -> None:
        """Takes the order of the next epoch."""
        self.epoch += 1
        self._order = self._first.of_epoch(self.epoch).order(len(self._dataset))


def keras_dataset(dataset: LoadedSplit, pass_: Pass, **options: Unpack[KerasOptions]) -> KerasDataset:
    """See `KerasDataset`."""
    return KerasDataset(dataset, pass_, **options)
