"""A dataset as an adapter sees it."""

from typing import Any, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.batches import Batches, Pass
from imgprep.dataset.manifest import Manifest
from imgprep.table.targets import Target


class KerasOptions(TypedDict, total=False):
    """The arguments of `PyDataset` that Keras itself takes.

    Attributes:
        workers: threads or processes that prepare batches (1).
        use_multiprocessing: take processes (False).
        max_queue_size: batches that wait (10).
    """

    workers: int
    use_multiprocessing: bool
    max_queue_size: int


class LoadedSplit(Protocol):
    """A `Dataset`, for whom it would be a cycle to import it."""

    manifest: Manifest
    classes: tuple[str, ...]
    class_weights: dict[str, float]
    array: str
    image_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    one_hot: bool
    split: str | None
    targets: dict[str, Target]

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> tuple[Any, ...]: ...
    @property
    def ids(self) -> list[str]:
        """The images' ids, in order."""
        ...

    def pass_(self, pass_: Pass, *, start: int = 0, prefetch: int = 0) -> Batches:
        """Iterates over the batches of a pass."""
        ...


def with_answers(batch: tuple[Any, ...]) -> tuple[Any, NDArray[Any], dict[str, NDArray[Any]]]:
    """Images, labels and targets of a batch as networks are trained with them.

    Returns:
        The images as they are; labels int64, or float32 where they are one-hot; targets by name: categories int64,
        numbers and rows of 0 and 1 float32. No targets where none were asked for.
    """
    images, labels, *rest = batch
    targets = {name: _as_trained(values) for name, values in rest[0].items()} if rest else {}
    return images, labels.astype(np.int64 if labels.ndim == 1 else np.float32), targets


def _as_trained(values: NDArray[Any]) -> NDArray[Any]:
    index = values.ndim == 1 and values.dtype.kind == "u"
    return values.astype(np.int64 if index else np.float32)


def joint(labels: Any, targets: dict[str, Any]) -> Any:
    """The labels alone, or where there are targets a dictionary of all: ``label`` and the targets by name."""
    return {"label": labels, **targets} if targets else labels
