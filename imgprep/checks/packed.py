"""What must hold of a packed dataset: values, splits and statistics; for ``audit --stage pack``."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Compared, Finding, Status

EVALUATION: Final = ("validation", "test")
TOLERANCE: Final = 1e-3
"""Of values at the ends of their range: float16 rounds."""


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """What reading one shard tells; see `shard_facts`.

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
class Promise:
    """What the index of the dataset says.

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


def judge_packed(promise: Promise, shards: Iterable[ShardFacts]) -> Iterator[Finding]:
    """Compares the shards with what the index promises.

    Yields:
        Findings of the rules packed-values, packed-counts, packed-evaluation and packed-statistics.
    """
    counts: dict[str, Counter[int]] = {}
    augmented: list[str] = []
    for shard in shards:
        yield _values(promise, shard)
        counts.setdefault(shard.split, Counter()).update(shard.labels)
        if shard.split.split("-")[0] in EVALUATION and "-" not in shard.split:
            augmented += shard.augmented
    for split, classes in promise.counts.items():
        found = {name: counts.get(split, Counter())[code] for code, name in enumerate(promise.classes)}
        for name in promise.classes:
            stored, said = found[name], classes.get(name, 0)
            message = f"{split}: {stored} images of {name} are stored, the index says {said}"
            yield _finding("packed-counts", stored == said, message, name, Compared(stored, said))
    message = f"{len(augmented) or 'no'} images of validation and test are augmented"
    yield _finding("packed-evaluation", not augmented, message, None, Compared(len(augmented), 0), tuple(augmented))
    if promise.fitted is not None:
        fitted = promise.fitted
        message = f"the statistics of the normalisation come from {fitted.images}"
        if not fitted.centered:
            message = (
                f"the statistics of the normalisation should come from {fitted.images}, whose mean is "
                f"{fitted.mean:.3g} and not 0; pack again"
            )
        yield _finding("packed-statistics", fitted.centered, message, None, Compared(fitted.mean, 0))


def _values(promise: Promise, shard: ShardFacts) -> Finding:
    problems = []
    if shard.dtype != promise.dtype:
        problems.append(f"holds {shard.dtype}, the index says {promise.dtype}")
    if shard.broken:
        problems.append(f"{len(shard.broken)} images hold values that are not finite")
    if promise.values is not None:
        low, high = promise.values
        if shard.low < low - TOLERANCE or shard.high > high + TOLERANCE:
            problems.append(f"values from {shard.low:g} to {shard.high:g} leave the range {low:g} to {high:g}")
    message = f"{shard.filename}: {'; '.join(problems) or 'finite, in range, of the right type'}"
    return _finding("packed-values", not problems, message, None, Compared(len(problems), 0), shard.broken)


def _finding(
    rule: str,
    good: bool,
    message: str,
    subject: str | None,
    compared: Compared,
    samples: tuple[str, ...] = (),
) -> Finding:
    status: Status = "pass" if good else "fail"
    return Finding(rule, status, "error", subject, *compared, message, samples, "Handbook, part 6 (splits)")
