"""A dataset as an adapter sees it."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.batches import Batches, Pass
from imgprep.dataset.manifest import Manifest


class LoadedSplit(Protocol):
    """A `Dataset`, for whom it would be a cycle to import it."""

    manifest: Manifest
    classes: tuple[str, ...]
    class_weights: dict[str, float]
    image_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    one_hot: bool
    split: str | None

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> tuple[NDArray[Any], Any]: ...
    @property
    def ids(self) -> list[str]:
        """The images' ids, in order."""
        ...

    def pass_(self, pass_: Pass, *, start: int = 0, prefetch: int = 0) -> Batches:
        """Iterates over the batches of a pass."""
        ...
