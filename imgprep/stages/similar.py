"""Clusters of near-duplicates among the converted images, by the perceptual hash that the audit uses too.

The split is stricter than the audit: it also joins mirror images and images of which one is the other with up to a
32nd of the side cut off. What it joins wrongly costs nothing but freedom; what it misses is a leak.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.columnfile import ColumnFile
from imgprep.columns import blocks
from imgprep.engines.base import Cursor
from imgprep.neighbours import lookalike_clusters, near_duplicate_clusters
from imgprep.perceptual import variant_hashes
from imgprep.shards.shard_set import ShardSet
from imgprep.stages.run import Machine, results
from imgprep.stages.statistics import RowsPlan
from imgprep.stages.tables import Images
from imgprep.transforms.channels import to_depth, to_gray

SIDE: Final = 32
CROPS_UP_TO: Final = 200_000
"""Images up to which cut copies are looked for too: 32 hashes for each image instead of 2."""


ROWS: Final = 4096
"""Images that are hashed at a time."""


class Rung(NamedTuple):
    """How images are compared.

    Attributes:
        variants: how many of the variants of each image.
        distance: bits in which near-duplicates may differ.
        words: what is joined.
    """

    variants: int
    distance: int
    words: str


LADDER: Final = (
    Rung(1, 0, "copies with the same perceptual hash"),
    Rung(1, 2, "copies that hardly differ"),
    Rung(2, 4, "copies that are re-encoded or mirrored"),
    Rung(32, 6, "copies that are re-encoded, mirrored or cut a little"),
)
"""From the narrowest comparison to the widest; the last before images of all kinds hang together is taken.

Measured on 11,000 CIFAR-10 photographs of 32x32 pixels and 70,000 MNIST digits. Of 800 photographs, of which up to one
pixel was cut off each side and which were re-encoded at JPEG quality 75 (or mirrored too), the nearest variant was
within 2 bits for half, 4 for 99 %, and 6 for all; the plain hashes were up to 18 apart, where strangers are too. At 32
variants and 6 bits the photographs fall into 88 clusters of two or more, the largest of 7, 196 images in all; at 4 bits
into 48, most of them images that are alike to the eye. Of the digits, hashes within 2 bits join 10,062 and within 4
bits 40,033 in one cluster, for a digit is nearly a mirrored or cut copy of many others; equal hashes join 53 at most.
"""


@dataclass(frozen=True, slots=True)
class HashJob:
    """Hashes the images of one shard.

    Attributes:
        shards: where they are.
        crops: whether cut copies are looked for.
    """

    shards: ShardSet
    crops: bool

    def __call__(self, plan: RowsPlan, cursor: Cursor) -> NDArray[np.uint64]:
        """(N, V) the hashes of the plan's rows."""
        small = np.empty((len(plan.rows), SIDE, SIDE), np.uint8)
        with self.shards.opened(1) as shards:
            rows = shards[plan.shard].images
            for item, row in enumerate(plan.rows.tolist()):
                cursor.at(item)
                gray = to_depth(to_gray(np.ascontiguousarray(rows[row])), 8)
                cv2.resize(gray, (SIDE, SIDE), dst=small[item], interpolation=cv2.INTER_AREA)
        cursor.done()
        return variant_hashes(small, crops=self.crops)


class Columns(Protocol):
    """The columns of `variant_hashes`: (N,) each, V of them, read one at a time."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> NDArray[np.uint64]: ...


class _Stored:
    """The columns in a file."""

    def __init__(self, file: ColumnFile) -> None:
        self._file = file

    def __len__(self) -> int:
        return len(self._file.dtype.names or ())

    def __getitem__(self, index: int) -> NDArray[np.uint64]:
        return self._file[(self._file.dtype.names or ())[index]]


def clusters(machine: Machine, images: Images) -> NDArray[np.integer]:
    """(N,) the cluster of each image; images of one cluster look alike."""
    sizes = [shard.samples for shard in images.manifest.shards]
    starts = np.cumsum([0, *sizes]).tolist()
    crops = starts[-1] <= CROPS_UP_TO
    kind = np.dtype([(str(number), np.uint64) for number in range(LADDER[-1].variants if crops else 2)])
    file = ColumnFile(machine.workspace.private, kind, starts[-1])
    job = HashJob(images.shards(), crops)
    for plan, found in results(machine, job, _plans(sizes), "near-duplicates", starts[-1]):
        file.write(starts[plan.shard] + int(plan.rows[0]), found.view(kind)[:, 0])
    if not len(file):
        return np.array([], np.intp)
    joined, rung = telling(_Stored(file))
    if rung.variants < len(kind.names or ()):
        machine.monitor.note(
            f"split.near_duplicates: the images are so alike that only {rung.words} were kept together; "
            "name what belongs together with split.group if there is more"
        )
    return joined


def _plans(sizes: list[int]) -> Iterator[RowsPlan]:
    """The rows of each shard, a bounded number at a time: what is sent back is 256 bytes for each."""
    for shard, size in enumerate(sizes):
        for rows in blocks(size, ROWS):
            yield RowsPlan(shard, np.arange(rows.start, rows.stop))


def telling(variants: Columns) -> tuple[NDArray[np.integer], Rung]:
    """The clusters of the widest rung of `LADDER` that tells the images apart, and the rung.

    Args:
        variants: the columns of `variant_hashes`, 2 or 32.
    """
    hashes = variants[0]
    best, taken = near_duplicate_clusters(hashes, LADDER[0].distance), LADDER[0]
    for rung in LADDER[1:]:
        if rung.variants > len(variants):
            break
        columns = (variants[number] for number in range(rung.variants))
        found = lookalike_clusters(hashes, columns, rung.distance)
        if found is None:
            break
        best, taken = found, rung
    return best, taken
