"""A dataset for PyTorch."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset as MapDataset
from torch.utils.data._utils.collate import default_collate_fn_map

from imgprep.dataset.adapters.base import LoadedSplit, with_answers
from imgprep.errors import RequestError


class TorchDataset(MapDataset):  # type: ignore[misc]
    """A `torch.utils.data.Dataset` of (image, label), or (feature, label), for a ``DataLoader`` with any start method.

    Where targets were asked for, of (image, label, {name: value}): categories int64, numbers float32, tags (K,)
    float32.

    Labels are int64, or (K,) float32 where they are one-hot. Images have the dtype of the stored ones, but uint16
    becomes int32, of which PyTorch can do more. The loader takes whole batches by `__getitems__`, which are copied
    from the shards once.

    Attributes:
        classes: the names in index order.
        class_weights: (K,) float32, in index order; 0 for a class without training images. Empty before `pack`.

    Args:
        dataset: a loaded split.
        transform: called with each image, a tensor; None leaves them as they are.
        channels_first: (C, H, W) rather than (H, W, C). Memory keeps its order, PyTorch's ``channels_last``: nothing is
            moved. Features have no channels.
    """

    def __init__(
        self, dataset: LoadedSplit, transform: Callable[[Any], Any] | None = None, *, channels_first: bool = True
    ) -> None:
        self._dataset = dataset
        self._transform = transform
        self._channels_first = channels_first
        self.classes = dataset.classes
        self.class_weights = torch.tensor(list(dataset.class_weights.values()), dtype=torch.float32)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        """One image and label; a list, slice or array of indices gives tensors of several."""
        if isinstance(index, (int, np.integer)):
            one: tuple[Any, ...] = _Samples(self._tensors(self._dataset[[index]]))[0]
            return one
        return self._tensors(self._dataset[index])

    def __getitems__(self, indices: Sequence[int]) -> "_Samples":
        """Several samples at once, which PyTorch's loader asks for."""
        return _Samples(self._tensors(self._dataset[np.asarray(indices, np.int64)]))

    def _tensors(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        images, labels, targets = with_answers(batch)
        pixels = torch.from_numpy(images.astype(np.int32) if images.dtype == np.uint16 else images)
        if self._channels_first and pixels.ndim == 4:
            pixels = pixels.permute(0, 3, 1, 2)
        if self._transform is not None:
            pixels = _stacked([self._transform(image) for image in pixels], pixels)
        pair = pixels, torch.from_numpy(labels)
        return (*pair, {name: torch.from_numpy(values) for name, values in targets.items()}) if targets else pair


class _Sample(tuple[Any, ...]):
    """An image, its label and its targets, of `_Samples`; PyTorch's collate function knows it by this type."""

    __slots__ = ()


class _Samples(Sequence[Any]):
    """A batch that is a sequence of samples for whoever collates by himself, and is collated already for PyTorch."""

    def __init__(self, columns: tuple[Any, ...]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[1])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        return _Sample(
            {name: values[index] for name, values in column.items()} if isinstance(column, dict) else column[index]
            for column in self.columns
        )

    def __iter__(self) -> Iterator[Any]:
        return (self[number] for number in range(len(self)))


def _collated(batch: Any, *, collate_fn_map: Any = None) -> list[Any]:
    del collate_fn_map
    if isinstance(batch, _Samples):
        return list(batch.columns)
    return [_joined(column) for column in zip(*batch, strict=True)]


def _joined(column: Sequence[Any]) -> Any:
    if isinstance(column[0], dict):
        return {name: torch.stack([values[name] for values in column]) for name in column[0]}
    return torch.stack(list(column))


def _stacked(images: list[Any], like: Any) -> Any:
    if not images:
        return like
    first = images[0]
    if not isinstance(first, torch.Tensor):
        raise RequestError(f"the transform gave a {type(first).__name__}; it must give a tensor")
    if any(image.shape != first.shape for image in images):
        raise RequestError("the transform gave tensors of several shapes, of which there is no batch")
    return torch.stack(images)


# PyTorch's own table for types that its `default_collate` does not know.
default_collate_fn_map[_Sample] = _collated
