"""Clusters of near-duplicates among the converted images, by the perceptual hash that the audit uses too.

The split is stricter than the audit: it also joins mirror images and images of which one is the other with up to a
32nd of the side cut off. What it joins wrongly costs nothing but freedom; what it misses is a leak.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imgprep.engines.base import Cursor
from imgprep.perceptual import lookalike_clusters, near_duplicate_clusters, variant_hashes
from imgprep.stages.gather import Shelf
from imgprep.stages.run import Machine, results
from imgprep.stages.statistics import RowsPlan
from imgprep.stages.tables import Images
from imgprep.transforms.channels import to_depth, to_gray

SIDE: Final = 32
CROPS_UP_TO: Final = 200_000
"""Images up to which cut copies are looked for too: 32 hashes for each image instead of 2."""


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
        shelf: where they are.
        crops: whether cut copies are looked for.
    """

    shelf: Shelf
    crops: bool

    def __call__(self, plan: RowsPlan, cursor: Cursor) -> NDArray[np.uint64]:
        """(N, V) the hashes of the plan's rows."""
        small = np.empty((len(plan.rows), SIDE, SIDE), np.uint8)
        with self.shelf.opened() as shelf:
            rows = shelf.rows(plan.stage, plan.shard)
            for item, row in enumerate(plan.rows.tolist()):
                cursor.at(item)
                gray = to_depth(to_gray(np.ascontiguousarray(rows[row])), 8)
                cv2.resize(gray, (SIDE, SIDE), dst=small[item], interpolation=cv2.INTER_AREA)
        cursor.done()
        return variant_hashes(small, crops=self.crops)


def clusters(machine: Machine, images: Images) -> NDArray[np.intp]:
    """(N,) the cluster of each image; images of one cluster look alike."""
    shards = images.manifest.shards
    plans = [RowsPlan(0, index, np.arange(shard.samples)) for index, shard in enumerate(shards) if shard.samples]
    hashes: dict[int, NDArray[np.uint64]] = {}
    job = HashJob(Shelf.of(images), len(images.table) <= CROPS_UP_TO)
    for plan, found in results(machine, job, plans, "near-duplicates", len(images.table)):
        hashes[plan.shard] = found
    if not hashes:
        return np.array([], np.intp)
    joined, rung = telling(np.concatenate([hashes[index] for index in sorted(hashes)]))
    if rung.variants < hashes[min(hashes)].shape[1]:
        machine.monitor.note(
            f"split.near_duplicates: the images are so alike that only {rung.words} were kept together; "
            "name what belongs together with split.group if there is more"
        )
    return joined


def telling(variants: NDArray[np.uint64]) -> tuple[NDArray[np.intp], Rung]:
    """The clusters of the widest rung of `LADDER` that tells the images apart, and the rung.

    Args:
        variants: (N, V) of `variant_hashes`, V being 2 or 32.
    """
    best, taken = near_duplicate_clusters(np.ascontiguousarray(variants[:, 0]), LADDER[0].distance), LADDER[0]
    for rung in LADDER[1:]:
        if rung.variants > variants.shape[1]:
            break
        found = lookalike_clusters(variants[:, : rung.variants], rung.distance)
        if found is None:
            break
        best, taken = found, rung
    return best, taken
