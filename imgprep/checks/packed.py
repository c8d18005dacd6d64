"""The evidence of a packed dataset: facts about its shards, and the index that they are compared with."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """Facts about the arrays of one shard; see `shard_facts`.

    Attributes:
        filename: of the shard.
        split: of its rows.
        dtype: of its images.
        low: the smallest finite value.
        high: the largest finite value.
        broken: ids of images with values that are not finite.
        augmented: ids of images that were made from another one.
        labels: rows of each class index.
    """

    filename: str
    split: str
    dtype: str
    low: float
    high: float
    broken: tuple[str, ...]
    augmented: tuple[str, ...]
    labels: Mapping[int, int]


class Fitted(NamedTuple):
    """The images that the statistics of a normalisation are said to come from.

    Attributes:
        statistics: ``originals`` of train, or ``all``: their copies too.
        mean: of their values now.
        centered: whether that is 0, as it must be.
    """

    statistics: str
    mean: float
    centered: bool

    @property
    def images(self) -> str:
        """The images in words."""
        return "the training images" + (" and their copies" if self.statistics == "all" else " without their copies")


@dataclass(frozen=True, slots=True)
class PackedIndex:
    """The statements of dataset.json that the shards are compared with.

    Attributes:
        classes: names in index order.
        counts: rows of each class in each split.
        dtype: of the images.
        values: (low, high) that the normalisation promises; None for no range.
        fitted: what the statistics of the normalisation come from; None when it needs none.
    """

    classes: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    dtype: str
    values: tuple[float, float] | None = None
    fitted: Fitted | None = None


def shard_facts(filename: str, split: str, arrays: Mapping[str, NDArray[Any]]) -> ShardFacts:
    """Looks at the arrays of one shard.

    Args:
        filename: of the shard.
        split: of its rows.
        arrays: image (N, H, W, C), label (N,) or one-hot (N, K), id (N,) and parent (N,) text.
    """
    image, label = arrays["image"], arrays["label"]
    ids = [str(value) for value in arrays["id"].tolist()]
    finite = np.isfinite(image.reshape(len(image), -1)).all(axis=1)
    good = image[finite]
    index = label.argmax(axis=1) if label.ndim == 2 else label
    return ShardFacts(
        filename,
        split,
        str(image.dtype),
        float(good.min()) if good.size else 0.0,
        float(good.max()) if good.size else 0.0,
        tuple(name for name, fine in zip(ids, finite.tolist(), strict=True) if not fine),
        tuple(name for name, parent in zip(ids, arrays["parent"].tolist(), strict=True) if parent),
        Counter(index.tolist()),
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed dataset.

    Attributes:
        index: the statements of its dataset.json.
        shards: facts about each shard, or each group of arrays in one, in the order of the index.
    """

    index: PackedIndex
    shards: Sequence[ShardFacts]
