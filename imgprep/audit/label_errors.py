"""Wrong labels: what a review of some images says of all, and which images a classifier disputes."""

import csv
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from imgprep.audit.base import Evidence, Predictions, Review
from imgprep.audit.intervals import Interval, Stratum, reviews_needed, stratified
from imgprep.audit.linear import FOLDS, out_of_fold
from imgprep.errors import RequestError
from imgprep.rng import rng
from imgprep.sample import SampleTable

COLUMNS: Final = ("id", "label", "reviewed_label")
ORIGIN: Final = "the built-in baseline"
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")


class Reviewed(NamedTuple):
    """What a review says.

    Attributes:
        interval: the rate of wrong labels over all images.
        reviews: how many images were reviewed.
        wrong: ids of those with a wrong label.
        more: how many further reviews would probably decide; 0 when they already do or everything is reviewed.
        unknown: reviewed images that the collection does not hold.
    """

    interval: Interval
    reviews: int
    wrong: tuple[str, ...]
    more: int
    unknown: int


def read_review(path: Path) -> Review:
    """Reads a review table: CSV with the columns id, label, reviewed_label; a row without a second label waits for it.

    Raises:
        RequestError: the file cannot be read, a column is missing, a row has not as many cells as the first, or an id
            is there twice.
    """
    ids: dict[str, int] = {}
    labels, reviewed = [], []
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            table = csv.DictReader(file, strict=True)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise RequestError(f"{path}:1: the column {missing[0]} is missing; a review has {', '.join(COLUMNS)}")
            for row in table:
                if None in row or None in row.values():
                    cells = len(table.fieldnames or ())
                    raise RequestError(
                        f"{path}:{table.line_num}: the row has not {cells} cells as the first has; mend it"
                    )
                sample, label, second = (_plain(row[name] or "").strip() for name in COLUMNS)
                if sample in ids:
                    raise RequestError(f"{path}:{table.line_num}: {sample} is there twice, first in line {ids[sample]}")
                ids[sample] = table.line_num
                labels.append(label)
                reviewed.append(second)
    except OSError as error:
        raise RequestError(f"{path}: cannot read the review: {error.strerror}; draw one with imgprep review") from error
    except csv.Error as error:
        raise RequestError(f"{path}: no CSV table: {error}; a review has {', '.join(COLUMNS)}") from error
    return Review(tuple(ids), tuple(labels), tuple(reviewed))


def read_predictions(path: Path, classes: Sequence[str]) -> Predictions:
    """Reads out-of-fold probabilities: an npz file with ``ids`` (M,) and ``pred_probs`` (M, K), K the classes in order.

    Raises:
        RequestError: the file cannot be read, or its arrays do not fit the classes.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            ids, probabilities = file["ids"], file["pred_probs"]
    except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile, zlib.error) as error:
        raise RequestError(
            f"{path}: cannot read the arrays ids and pred_probs: {error}; save them with numpy"
        ) from error
    if probabilities.shape != (len(ids), len(classes)):
        expected = f"({len(ids)}, {len(classes)})"
        raise RequestError(f"{path}: pred_probs has shape {probabilities.shape}, {expected} is needed: ids, classes")
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise RequestError(f"{path}: pred_probs holds values that are no probabilities; save finite values from 0 to 1")
    origin = "pred_probs of the spec"
    return Predictions(ids.astype(str).tolist(), probabilities.astype(np.float32), origin)


def draw_review(table: SampleTable, size: int, seed: int) -> NDArray[np.intp]:
    """Draws a random sample for a review: from each class its share, at least one.

    Args:
        table: all images; only usable ones are drawn.
        size: how many to draw; all when there are fewer.
        seed: the same seed draws the same images.

    Returns:
        The rows drawn, in the order of the table.
    """
    usable = np.flatnonzero(table.ok())
    codes = table.label.codes[usable]
    counts = np.bincount(codes, minlength=len(table.label.values))
    size = min(size, len(usable))
    quota = _shares(counts, size)
    order = rng(seed, "review").permutation(len(usable))
    rank = np.empty(len(usable), np.intp)
    # The place of each image among those of its class, in the order of the lot.
    by_class = order[np.argsort(codes[order], kind="stable")]
    rank[by_class] = np.arange(len(usable)) - np.repeat(np.cumsum(counts) - counts, counts)
    return usable[rank < quota[codes]]


def judge_review(evidence: Evidence, review: Review, budget: float, confidence: float) -> Reviewed | None:
    """What a review says of the collection; None when nothing of it was reviewed.

    The label that counts is the one that the second person saw: correcting the labels of the reviewed images says
    nothing of the others. When everything is reviewed, the labels are those of today.
    """
    done = [entry for entry in zip(*review, strict=True) if entry[2]]
    rows = _rows_of(evidence, [sample for sample, _, _ in done])
    codes = np.where(rows >= 0, evidence.labels[rows], -1)
    known = [(code, *entry) for code, entry in zip(codes.tolist(), done, strict=True) if code >= 0]
    if not known:
        return None
    census = len(known) == sum(evidence.counts.values())
    reviewed, wrong = [0] * len(evidence.classes), [0] * len(evidence.classes)
    mistaken = []
    for code, sample, label, second in known:
        then = evidence.classes[code] if census or not label else label
        reviewed[code] += 1
        if then != second:
            wrong[code] += 1
            mistaken.append(sample)
    counts = list(evidence.counts.values())
    strata = [Stratum(*numbers) for numbers in zip(counts, reviewed, wrong, strict=True)]
    interval = stratified([stratum for stratum in strata if stratum.size], confidence)
    more = 0
    if interval.low <= budget <= interval.high and not interval.census:
        needed = reviews_needed(interval.rate, budget, sum(counts), confidence)
        more = min(sum(counts), max(needed, len(known) + 1)) - len(known)
    return Reviewed(interval, len(known), tuple(mistaken), more, len(done) - len(known))


def baseline_predictions(evidence: Evidence, seed: int = 0) -> Predictions | None:
    """Cross-validated probabilities from the descriptors; None when they were not measured or a class is too small."""
    measured = evidence.measurements
    if measured is None or "descriptor" not in (measured.rows.dtype.names or ()):
        return None
    rows = np.flatnonzero(evidence.measured)
    labels = evidence.labels[rows]
    counts = np.bincount(labels, minlength=len(evidence.classes))
    large = np.flatnonzero(counts >= 2 * FOLDS)
    if len(large) < 2:
        return None
    kept = np.isin(labels, large)
    rows = rows[kept]
    found = out_of_fold(measured.at(rows)["descriptor"], np.searchsorted(large, labels[kept]), seed)
    probabilities = np.zeros((len(rows), len(evidence.classes)), np.float32)
    probabilities[:, large] = found
    return Predictions(evidence.ids(rows), probabilities, ORIGIN, estimate=True)


def find_suspects(evidence: Evidence, predictions: Predictions) -> tuple[tuple[str, ...], float]:
    """Images whose label the predictions dispute with confidence, most disputed first, and how often the two agree."""
    rows = _rows_of(evidence, predictions.ids)
    labels = np.where(rows >= 0, evidence.labels[rows], -1)
    kept = labels >= 0
    if not kept.any():
        return (), 0.0
    probabilities = np.asarray(predictions.probabilities, np.float64)[kept]
    order = _cleanlab(labels[kept], probabilities) if not predictions.estimate else None
    if order is None:
        order = confident_suspects(labels[kept], probabilities)
    agreement = float((probabilities.argmax(axis=1) == labels[kept]).mean())
    return evidence.ids(rows[kept][order]), agreement


def confident_suspects(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> NDArray[np.intp]:
    """Confident learning (Northcutt, Jiang and Chuang, 2021), with the images pruned by their margin.

    An image counts as confidently of a class when its probability reaches the mean that images labelled so have. The
    counts of label against confident class, scaled up to all images, estimate how many labels are wrong; so many images
    of the largest margin between another class and their own are the suspects.

    Args:
        labels: (N,) 0 to K-1.
        probabilities: (N, K) out of fold.

    Returns:
        Positions of the suspects, most disputed first.
    """
    classes = probabilities.shape[1]
    at = np.arange(len(labels))
    own = probabilities[at, labels]
    counts = np.bincount(labels, minlength=classes)
    mean = np.bincount(labels, weights=own, minlength=classes) / np.maximum(counts, 1)
    threshold = np.where(counts > 0, np.maximum(mean, 1e-9), np.inf)
    sure = np.where(probabilities >= threshold, probabilities, 0)
    confident = sure.max(axis=1) > 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[confident], sure[confident].argmax(axis=1)), 1)
    share = 1 - np.diag(joint) / np.maximum(joint.sum(axis=1), 1)
    estimate = math.floor(float((share * counts * (joint.sum(axis=1) > 0)).sum()) + 0.5)
    others = probabilities.copy()
    others[at, labels] = -1
    margin = others.max(axis=1) - own
    order = np.argsort(-margin, kind="stable")[:estimate]
    suspects: NDArray[np.intp] = order[margin[order] > 0]
    return suspects


def _cleanlab(labels: NDArray[np.integer], probabilities: NDArray[np.float64]) -> NDArray[np.intp] | None:
    """The suspects that cleanlab finds, when it is installed; it has nothing to say of a single class."""
    if find_spec("cleanlab") is None or len(np.unique(labels)) < 2:
        return None
    find = import_module("cleanlab.filter").find_label_issues
    total = probabilities.sum(axis=1, keepdims=True)
    # Somebody who gives no class any chance knows nothing: all are alike.
    scaled = np.divide(
        probabilities, total, out=np.full_like(probabilities, 1 / probabilities.shape[1]), where=total > 0
    )
    found = find(labels, scaled, return_indices_ranked_by="normalized_margin", n_jobs=1)
    result: NDArray[np.intp] = np.asarray(found, np.intp)
    return result


def _shares(counts: NDArray[np.integer], size: int) -> NDArray[np.intp]:
    """Whole shares of each class: largest remainders, at least one where there is an image and the size allows it."""
    total = int(counts.sum())
    if not total:
        return np.zeros(len(counts), np.intp)
    exact = counts * (size / total)
    quota: NDArray[np.intp] = np.floor(exact).astype(np.intp)
    remainder = np.argsort(-(exact - quota), kind="stable")
    quota[remainder[: size - int(quota.sum())]] += 1
    present = int(np.count_nonzero(counts))
    if size >= present:
        for poor in np.flatnonzero((quota == 0) & (counts > 0)).tolist():
            quota[int(quota.argmax())] -= 1
            quota[poor] = 1
    return quota


def _rows_of(evidence: Evidence, ids: Iterable[str]) -> NDArray[np.intp]:
    """The row of each id, -1 for those that the collection does not hold."""
    index = {sample: row for row, sample in enumerate(evidence.table.id)}
    return np.array([index.get(str(sample), -1) for sample in ids], np.intp)


def review_rows(table: SampleTable, rows: NDArray[np.integer]) -> Iterator[tuple[str, str, str]]:
    """The lines of a review table to be filled in, with its header; no spreadsheet takes a cell for a formula."""
    yield COLUMNS
    for row in rows.tolist():
        yield _neutral(table.id[row]), _neutral(table.label[row]), ""


def _neutral(cell: str) -> str:
    """A cell with an apostrophe before what a spreadsheet would calculate.

    >>> _neutral("=1+1"), _plain(_neutral("'=1")), _neutral("plum")
    ("'=1+1", "'=1", 'plum')
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    """The cell as it was before `_neutral`."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
