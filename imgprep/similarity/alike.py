"""Finds images that look alike, by one definition for the audit that reports them and the split that joins them.

Two images look alike when their perceptual hashes are nearly equal, or when one is a copy of the other that was
mirrored, turned by quarters, or cropped by up to 5 % on any sides. In collections of simple pictures (digits, icons)
unrelated images look alike in both ways; then the comparison is stricter, and altered copies are not searched for.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.similarity.hamming import adaptive_clusters
from imgprep.similarity.matching import correlation, fit
from imgprep.similarity.union_find import unite
from imgprep.similarity.variants import Candidates, Thumbnails, candidates, orientation_between, oriented, oriented_cut
from imgprep.table.columns import blocks

DISTANCE: Final = 4
"""Number of bits of 64 in which hashes of similar images may differ."""
KINDS: Final = ("cropped", "mirrored", "turned")
_FLAT: Final = 4.0
"""Standard deviation in levels below which an image counts as blank."""
_WHOLE: Final = 0.99
"""Correlation of brightness: re-encoded mirrored images of 32 x 32 are at 0.999, cropped ones at 0.96."""
_DOUBTS: Final = 2
_DOUBTS_PER_IMAGE: Final = 0.04
_DOUBTS_PER_COPY: Final = 0.1
_BLOCK: Final = 1024
_CHAIN: Final = 50


class Altered(NamedTuple):
    """Pairs of images of which one is a copy of the other.

    Attributes:
        left: (P,) one.
        right: (P,) the other.
        kind: (P,) what was done to it: an index of `KINDS`.
        whole: (P,) whether nothing was cut off: mirrored or turned back, they are the same picture all over.
    """

    left: NDArray[np.intp]
    right: NDArray[np.intp]
    kind: NDArray[np.integer]
    whole: NDArray[np.bool_]

    @classmethod
    def none(cls) -> "Altered":
        """No pairs."""
        empty = np.zeros(0, np.intp)
        return cls(empty, empty, empty, empty.astype(bool))

    def at(self, rows: NDArray[np.intp]) -> "Altered":
        """The pairs among some rows, as indices into them."""
        place = {row: number for number, row in enumerate(rows.tolist())}
        chosen = self.only(np.isin(self.left, rows) & np.isin(self.right, rows))
        left, right = (np.array([place[row] for row in side.tolist()], np.intp) for side in (chosen.left, chosen.right))
        return chosen._replace(left=left, right=right)

    def only(self, chosen: NDArray[np.bool_]) -> "Altered":
        """The chosen pairs.

        Args:
            chosen: (P,) which of them.
        """
        return Altered(self.left[chosen], self.right[chosen], self.kind[chosen], self.whole[chosen])

    def words(self) -> Iterable[str]:
        """The kinds of alteration that occur, each once."""
        return [KINDS[kind] for kind in np.unique(self.kind).tolist()]


def altered_copies(small: Thumbnails, hashes: NDArray[np.uint64], rows: NDArray[np.intp]) -> Altered | None:
    """The pairs of images that are mirrored, turned or cropped copies of each other.

    Args:
        small: thumbnails of all images.
        hashes: (N,) the perceptual hash of each of them; of equal hashes only the first image is compared.
        rows: the images to compare.

    Returns:
        The pairs; None where unrelated images look alike: most pairs with similar hashes are not copies.
    """
    if adaptive_clusters(hashes[rows], DISTANCE)[1] < DISTANCE:
        return None
    first = np.sort(np.unique(hashes[rows], return_index=True)[1])
    chosen = _with_contrast(small, rows[first])
    found = candidates(small, chosen) if len(chosen) > 1 else None
    if found is None:
        return Altered.none() if len(chosen) <= 1 else None
    copies, whole = _are_copies(small, found)
    known = {(min(pair), max(pair)) for pair in _pairs(found, copies)}
    doubts = {(min(pair), max(pair)) for pair in _pairs(found, ~copies)} - known
    if len(doubts) > _DOUBTS + _DOUBTS_PER_IMAGE * len(chosen) + _DOUBTS_PER_COPY * len(known):
        return None
    kind = orientation_between(*found.turned[copies].T)
    pairs = np.sort(np.stack([found.left[copies], found.right[copies]], axis=1), axis=1)
    rows, place = np.unique(np.column_stack([pairs, kind]), axis=0, return_inverse=True)
    same = np.zeros(len(rows), bool)
    np.logical_or.at(same, place.reshape(-1), whole[copies])
    left, right, kind = rows.T
    return Altered(left, right, kind, same)


class Alike(NamedTuple):
    """Clusters of images that look alike.

    Attributes:
        clusters: (N,) the cluster of each image: the index of its first member.
        distance: number of bits in which hashes may differ, as far as they still distinguish the images.
        altered: whether altered copies were joined.
    """

    clusters: NDArray[np.integer]
    distance: int
    altered: bool


def alike(hashes: NDArray[np.uint64], altered: Altered | None, distance: int = DISTANCE) -> Alike:
    """Joins images that look alike, directly or through others.

    Args:
        hashes: (N,).
        altered: the pairs of altered copies among them; None where unrelated images look alike.
        distance: number of bits in which hashes may differ.
    """
    plain, used = adaptive_clusters(hashes, distance)
    if altered is None or used < distance:
        return Alike(plain, used, altered=False)
    joined = plain.astype(np.intp)
    unite(joined, joined[altered.left], joined[altered.right])
    joined = _named(joined)
    if _largest(joined) > max(_CHAIN, len(joined) // 100, _largest(plain)):
        return Alike(plain, used, altered=False)
    return Alike(joined, used, altered=True)


def _with_contrast(small: Thumbnails, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rows of images that are not blank."""
    kept = [rows[block][small[rows[block]].std(axis=(1, 2)) >= _FLAT] for block in blocks(len(rows), _BLOCK)]
    return np.concatenate([*kept, rows[:0]])


def _are_copies(small: Thumbnails, found: Candidates) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(P,) which pairs are copies, and which of them fit all over without a cut."""
    copies, whole = np.zeros(len(found.left), bool), np.zeros(len(found.left), bool)
    for block in blocks(len(found.left), _BLOCK):
        one, other = found.turned[block].T
        left = oriented(small[found.left[block]].astype(np.float64), one)
        right = oriented(small[found.right[block]].astype(np.float64), other)
        copies[block] = fit(left, right, oriented_cut(found.cut[block], one)).copies
        whole[block] = correlation(left, right) >= _WHOLE
    return copies, whole


def _pairs(found: Candidates, chosen: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    return zip(found.left[chosen].tolist(), found.right[chosen].tolist(), strict=True)


def _named(clusters: NDArray[np.intp]) -> NDArray[np.intp]:
    """The same clusters, each named by its first member."""
    _, first, inverse = np.unique(clusters, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)]


def _largest(clusters: NDArray[np.integer]) -> int:
    return int(np.bincount(clusters, minlength=1).max())
