"""Assigns rows to shards from metadata alone, independent of the number of workers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import fingerprint
from imgprep.pipeline.row_records import RowKeys
from imgprep.table.sample import SampleTable

SMALLEST: Final = 4 << 20
SHARED: Final = 8


class Items(Protocol):
    """The input of a shard: columns with one row per item, small and picklable."""

    def __len__(self) -> int:
        """The number of items."""
        ...

    def digest(self) -> str:
        """A hash of every value, to notice a change."""
        ...


I = TypeVar("I", bound=Items)  # noqa: E741 - I for items


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """A worker's record of a finished shard.

    Attributes:
        filename: its name.
        split: the split of its rows; None before the split.
        samples: rows written.
        bytes: the size of the file.
        sha256: of the file.
        part: SHA-256 of its piece of samples.jsonl, and so of the ids, labels and source bytes; '' when it has none.
        quarantined: how many items could not be used.
        transient: how many of them failed for a reason that may pass, so that the next run makes the shard again.
        skipped: how many items are no images.
        masked: how many rows have a mask with object and background; None when no masks are read.
        counts: rows written per class.
        dark: (largest value, bits) when all images use only the lowest part of their depth; see `dark_levels`.
        kept: whether an earlier run had finished it.
        rows: SHA-256 of what is recorded of its rows; '' when nothing is.
        copied: how many rows were copied from an earlier output.
    """

    filename: str
    split: str | None
    samples: int
    bytes: int = 0
    sha256: str = ""
    part: str = ""
    quarantined: int = 0
    transient: int = 0
    skipped: int = 0
    masked: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    dark: tuple[int, int] | None = None
    kept: bool = False
    rows: str = ""
    copied: int = 0


def record_from(content: Mapping[str, Any] | None) -> ShardRecord | None:
    """The record from its members in a journal; None for those of another version."""
    try:
        return ShardRecord(**content) if content else None
    except TypeError:
        return None


@dataclass(frozen=True, slots=True)
class ShardPlan(Generic[I]):
    """One shard to be made.

    Attributes:
        index: its place in the order of all shards.
        filename: its final name.
        split: the split of its rows; None before the split.
        items: its input.
        digest: a hash of the plan and the job, by which a finished shard is recognised.
        excluded: item -> why it is left out: its worker died or exceeded the deadline.
        known: its record in the journal, if any.
        rows: how its rows are identified; None where they are not.
    """

    index: int
    filename: str
    split: str | None
    items: I
    digest: str
    excluded: Mapping[int, str] = field(default_factory=dict)
    known: ShardRecord | None = None
    rows: RowKeys | None = None

    @property
    def size(self) -> int:
        """The number of items."""
        return len(self.items)

    def excluding(self, item: int, reason: str) -> "ShardPlan[I]":
        """The same plan with one item marked as unusable."""
        return replace(self, excluded={**self.excluded, item: reason})

    def starting_at(self, item: int) -> "ShardPlan[I]":
        """The same plan with all items before this one marked as unusable."""
        return replace(self, excluded={**dict.fromkeys(range(item), "not looked at"), **self.excluded})


def shard_count(rows: int, row_bytes: int, shard_size: int) -> int:
    """The number of shards for a number of rows.

    No shard is larger than `shard_size` (unless one row is). A small number of shards is rounded up to a multiple of
    eight, so that 2, 4 or 8 workers finish together, as long as no shard becomes smaller than 4 MiB.

    Args:
        rows: number of rows in all.
        row_bytes: bytes of one row's pixels.
        shard_size: the largest size of a shard's pixels in bytes.

    >>> shard_count(100, 1000, 64 << 20), shard_count(2000, 150_528, 64 << 20), shard_count(10**6, 150_528, 64 << 20)
    (1, 8, 2248)
    """
    if not rows:
        return 0
    count = -(-rows // max(1, shard_size // max(1, row_bytes)))
    if count >= SHARED * SHARED:
        return count
    return max(count, min(-(-count // SHARED) * SHARED, rows * row_bytes // SMALLEST, rows))


def cut(images: NDArray[np.bool_], count: int) -> list[slice]:
    """Cuts rows into `count` ranges with equal numbers of images, give or take one.

    Args:
        images: (N,) whether each row is an image; other rows go with their neighbours.
        count: number of ranges.

    >>> cut(np.array([True, False, True, True]), 2)
    [slice(0, 3, None), slice(3, 4, None)]
    """
    places = np.flatnonzero(images)
    ends = [int(places[-(-index * len(places) // count)]) for index in range(1, count)]
    return [slice(start, stop) for start, stop in pairwise([0, *ends, len(images)])] if len(images) else []


def images_in(items: Items) -> int:
    """Counts the images among the items: the table of a source also lists skipped files."""
    return items.images() if isinstance(items, SampleTable) else len(items)


def shard_names(prefix: str, count: int, suffix: str) -> list[str]:
    """The final names of a sequence of shards.

    >>> shard_names("train", 2, ".h5")
    ['train-00000-of-00002.h5', 'train-00001-of-00002.h5']
    """
    return [f"{prefix}-{index:05d}-of-{count:05d}{suffix}" for index in range(count)]


def plan_digest(job: str, filename: str, items: Items) -> str:
    """The hash by which a finished shard is recognised: job settings, file name and every value of the items."""
    return fingerprint(job, filename, items.digest())
