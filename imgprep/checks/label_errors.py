"""Suspects: images with a label that a classifier disputes."""

import math
from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Evidence
from imgprep.checks.groups import rows_of
from imgprep.checks.label_evidence import Predictions
from imgprep.checks.linear import FOLDS, out_of_fold

ORIGIN: Final = "the built-in baseline"
BY_FEATURES: Final = "the built-in baseline on the features of the network"


def baseline_predictions(evidence: Evidence, seed: int = 0) -> Predictions | None:
    """Cross-validated probabilities from the features of a network, else from descriptors of the pixels.

    None when there are neither, or a class is too small.
    """
    described = _described(evidence)
    if described is None:
        return None
    rows, descriptors, origin = described
    labels = evidence.labels[rows]
    counts = np.bincount(labels, minlength=len(evidence.classes))
    large = np.flatnonzero(counts >= 2 * FOLDS)
    if len(large) < 2:
        return None
    kept = np.isin(labels, large)
    rows = rows[kept]
    found = out_of_fold(descriptors[kept], np.searchsorted(large, labels[kept]), seed)
    probabilities = np.zeros((len(rows), len(evidence.classes)), np.float32)
    probabilities[:, large] = found
    return Predictions(evidence.ids(rows), probabilities, origin, estimate=True)


def _described(evidence: Evidence) -> tuple[NDArray[np.intp], NDArray[np.floating], str] | None:
    """Rows of images, (M, D) a description of each, and where it comes from; None without any."""
    if evidence.features is not None:
        known = evidence.labels[evidence.features.rows] >= 0
        return evidence.features.rows[known], evidence.features.directions[known], BY_FEATURES
    measured = evidence.measurements
    if measured is None or "descriptor" not in (measured.rows.dtype.names or ()):
        return None
    rows = np.flatnonzero(evidence.measured)
    return rows, measured.at(rows)["descriptor"], ORIGIN


class Suspects(NamedTuple):
    """Images with a label that the predictions dispute.

    Attributes:
        samples: their ids, most disputed first.
        agreement: how often prediction and label agree.
        known: how many of the predictions are of usable images of the collection.
        unknown: how many are not.
    """

    samples: tuple[str, ...]
    agreement: float
    known: int
    unknown: int


def find_suspects(evidence: Evidence, predictions: Predictions) -> Suspects:
    """Images with a label that the predictions dispute with confidence."""
    rows = rows_of(evidence.table.id, predictions.ids)
    labels = np.where(rows >= 0, evidence.labels[rows], -1)
    kept = labels >= 0
    unknown = int((~kept).sum())
    if not kept.any():
        return Suspects((), 0.0, 0, unknown)
    probabilities = np.asarray(predictions.probabilities, np.float64)[kept]
    order = _cleanlab(labels[kept], probabilities) if not predictions.estimate else None
    if order is None:
        order = confident_suspects(labels[kept], probabilities)
    agreement = float((probabilities.argmax(axis=1) == labels[kept]).mean())
    return Suspects(evidence.ids(rows[kept][order]), agreement, int(kept.sum()), unknown)


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
