"""A review of labels: which images a second person is asked about, and what the answers say of all images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Evidence
from imgprep.checks.groups import rows_of
from imgprep.checks.intervals import Interval, Stratum, reviews_needed, stratified
from imgprep.checks.label_evidence import Review
from imgprep.table.sample import SampleTable
from imgprep.util.apportion import apportion
from imgprep.util.rng import rng


class Reviewed(NamedTuple):
    """The result of a review.

    Attributes:
        interval: the rate of wrong labels over all images; None when no image of the collection has a second label.
        reviews: how many images were given a second label.
        wrong: ids of the images with a wrong label.
        more: how many further reviews would probably decide; 0 when they already do, or when none are left to make.
        unsure: how many images of the collection the reviewer could not tell; they are no part of the sample.
        unreadable: reviewed images that cannot be used, such as damaged files; they are no part of the sample either.
        unknown: reviewed images that the collection does not hold.
    """

    interval: Interval | None
    reviews: int
    wrong: tuple[str, ...]
    more: int = 0
    unsure: int = 0
    unreadable: int = 0
    unknown: tuple[str, ...] = ()


def draw_review(table: SampleTable, size: int, seed: int, without: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
    """Draws a random sample for a review: from each class its share, at least one.

    Args:
        table: all images; only usable ones are drawn.
        size: how many to draw; all when there are fewer.
        seed: the same seed draws the same images.
        without: (N,) rows that are not drawn. In their place come the next of their class; the others stay.

    Returns:
        The rows drawn, in the order of the table.
    """
    usable = np.flatnonzero(table.ok())
    order = usable[rng(seed, "review").permutation(len(usable))]
    if without is not None:
        order = order[~without[order]]
    codes = table.label.codes
    counts = np.bincount(codes[order], minlength=len(table.label.values))
    quota = apportion(counts, min(size, len(order)), one_each=True)
    # The place of each image among those of its class, in the order of the lot.
    by_class = order[np.argsort(codes[order], kind="stable")]
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(by_class[rank < quota[codes[by_class]]])


def judge_review(evidence: Evidence, review: Review, budget: float, confidence: float) -> Reviewed:
    """The wrong labels of the collection, estimated from a review.

    The label that counts is the one that the second person saw: correcting the labels of the reviewed images says
    nothing of the others. When everything is reviewed, the labels are those of today. An image of which the reviewer
    was unsure is no evidence either way and is left out of the sample: the rate is that of the images that somebody
    can tell.

    Args:
        evidence: of the collection.
        review: ids, labels and answers spelled as in the collection.
        budget: the rate that is too much.
        confidence: of the interval.
    """
    done = [entry for entry in zip(review.ids, review.labels, review.reviewed, strict=True) if entry[2]]
    rows = rows_of(evidence.table.id, [sample for sample, _, _ in done])
    codes = np.where(rows >= 0, evidence.labels[rows], -1)
    known = [(code, *entry) for code, entry in zip(codes.tolist(), done, strict=True) if code >= 0]
    unsure = int((evidence.labels[_present(evidence, review.unsure)] >= 0).sum())
    counts = list(evidence.counts.values())
    complete = len(known) + unsure == sum(counts)
    reviewed, wrong = [0] * len(counts), [0] * len(counts)
    mistaken = []
    for code, sample, label, second in known:
        then = evidence.classes[code] if complete or not label else label
        reviewed[code] += 1
        if then != second:
            wrong[code] += 1
            mistaken.append(sample)
    found = Reviewed(
        None,
        len(known),
        tuple(mistaken),
        unsure=unsure,
        unreadable=int(((rows >= 0) & (codes < 0)).sum()),
        unknown=tuple(entry[0] for entry, row in zip(done, rows.tolist(), strict=True) if row < 0),
    )
    if not known:
        return found
    strata = [Stratum(*numbers) for numbers in zip(counts, reviewed, wrong, strict=True)]
    interval, more = estimate(strata, unsure, budget, confidence)
    return found._replace(interval=interval, more=more)


def estimate(strata: Sequence[Stratum], unsure: int, budget: float, confidence: float) -> tuple[Interval, int]:
    """The rate of wrong labels over all images, and how many further reviews would probably decide.

    Args:
        strata: one for each class; some image of some class was reviewed.
        unsure: how many images the reviewer could not tell.
        budget: the rate that is too much.
        confidence: of the interval.

    Returns:
        The interval, and 0 when it decides already or when no reviews are left to make.
    """
    interval = stratified([stratum for stratum in strata if stratum.size], confidence)
    if interval.census or not interval.low <= budget <= interval.high:
        return interval, 0
    size, reviewed = sum(stratum.size for stratum in strata), sum(stratum.reviewed for stratum in strata)
    needed = max(reviews_needed(interval.rate, budget, size, confidence), reviewed + 1)
    return interval, min(size - unsure, needed) - reviewed


def _present(evidence: Evidence, ids: tuple[str, ...]) -> NDArray[np.intp]:
    rows = rows_of(evidence.table.id, ids)
    return rows[rows >= 0]
