"""Small linear classifiers in closed form, always judged on images that they were not fitted to."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.util.rng import rng

FOLDS: Final = 5
PENALTIES: Final = (1e-1, 1e-2, 1e-3, 1e-4)
"""Of ridge regression, as parts of the mean eigenvalue; the one that predicts the first fold best is used for all."""
_CHUNK: Final = 4096

Floats = NDArray[np.float32]
Labels = NDArray[np.integer]


def assign_folds(labels: Labels, seed: int, folds: int = FOLDS) -> NDArray[np.int8]:
    """(N,) the fold of each image, every class spread evenly over the folds."""
    random = rng(seed, "folds")
    order = np.lexsort((random.random(len(labels)), labels))
    result = np.empty(len(labels), np.int8)
    result[order] = np.arange(len(labels)) % folds
    return result


def out_of_fold(features: NDArray[np.floating], labels: Labels, seed: int, width: int = 1024) -> Floats:
    """Class probabilities of each image by a classifier that did not see it.

    Ridge regression of the one-hot labels on the features and on random rectified projections of them (Rahimi and
    Recht, 2008; so that classes of several looks are separated), with a softmax whose temperature is fitted to the
    scores.

    Args:
        features: (N, D), D a few hundred.
        labels: (N,) 0 to K-1; each class needs `FOLDS` images.
        seed: for the folds and projections.
        width: the number of projections; at most a quarter of N are used.

    Returns:
        (N, K) float32, rows sum to 1.
    """
    classes = int(labels.max()) + 1
    fold = assign_folds(labels, seed)
    projection = _projection(features, min(width, len(features) // 4), seed)
    size = features.shape[1] + projection.shape[1] + 1
    gram = np.zeros((FOLDS, size, size))
    cross = np.zeros((FOLDS, size, classes))
    for rows, part in _expanded(features, projection, fold):
        target = np.zeros((len(rows), classes), np.float32)
        target[np.arange(len(rows)), labels[rows]] = 1
        gram[fold[rows[0]]] += part.T @ part
        cross[fold[rows[0]]] += part.T @ target
    whole, answer = gram.sum(axis=0), cross.sum(axis=0)
    first = [_ridge(whole - gram[0], answer - cross[0], penalty) for penalty in PENALTIES]
    hits = np.zeros(len(PENALTIES))
    for rows, part in _expanded(features, projection, fold):
        if fold[rows[0]] == 0:
            hits += [np.count_nonzero((part @ weights).argmax(axis=1) == labels[rows]) for weights in first]
    penalty = PENALTIES[int(hits.argmax())]
    fitted = [_ridge(whole - gram[k], answer - cross[k], penalty) for k in range(FOLDS)]
    scores = np.zeros((len(features), classes), np.float32)
    for rows, part in _expanded(features, projection, fold):
        scores[rows] = part @ fitted[fold[rows[0]]]
    return softmax(scores * _temperature(scores, labels))


def balanced_accuracy(predicted: Labels, labels: Labels, classes: int) -> float:
    """The mean over the classes of the share that is recognised."""
    hits = np.bincount(labels[predicted == labels], minlength=classes)
    return float((hits / np.bincount(labels, minlength=classes)).mean())


class Discriminant:
    """Cross-validated linear discriminant analysis, all classes equally likely (Fisher, 1936), for many labellings.

    Args:
        features: (N, D) float64, centred.
        fold: (N,) from `assign_folds`.
    """

    def __init__(self, features: NDArray[np.float64], fold: NDArray[np.int8]) -> None:
        self._features = features
        self._members = [np.flatnonzero(fold == held) for held in range(int(fold.max()) + 1)]
        self._grams = np.stack([features[rows].T @ features[rows] for rows in self._members])

    def predict(self, labels: Labels, classes: int) -> Labels:
        """(N,) the class of each image by what is learned from the other folds."""
        onehot = np.eye(classes)[labels]
        sums = np.stack([onehot[rows].T @ self._features[rows] for rows in self._members])
        counts = np.stack([onehot[rows].sum(axis=0) for rows in self._members])
        predicted = np.zeros(len(labels), np.intp)
        for held, rows in enumerate(self._members):
            number = counts.sum(axis=0) - counts[held]
            means = (sums.sum(axis=0) - sums[held]) / np.maximum(number, 1)[:, None]
            within = self._grams.sum(axis=0) - self._grams[held] - (means * number[:, None]).T @ means
            within = within / number.sum() + 1e-2 * np.eye(within.shape[0])
            weights = np.linalg.solve(within, means.T)
            bias = -0.5 * (means.T * weights).sum(axis=0)
            predicted[rows] = (self._features[rows] @ weights + bias).argmax(axis=1)
        return predicted


def softmax(scores: Floats) -> Floats:
    """Probabilities of scores, row by row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def _projection(features: NDArray[np.floating], width: int, seed: int) -> Floats:
    """(D, width) directions, of the scale that gives activations of about one."""
    sample = features[:: max(1, len(features) // 2000)].astype(np.float32)
    spread = float(np.sqrt(((sample - sample.mean(axis=0)) ** 2).sum(axis=1).mean())) or 1.0
    return (rng(seed, "projection").standard_normal((features.shape[1], width)) / spread).astype(np.float32)


def _expanded(
    features: NDArray[np.floating], projection: Floats, fold: NDArray[np.int8]
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """The rows of one fold after another in blocks, and what the regression sees of them."""
    for held in range(FOLDS):
        members = np.flatnonzero(fold == held)
        for start in range(0, len(members), _CHUNK):
            rows = members[start : start + _CHUNK]
            plain = features[rows].astype(np.float32)
            active = np.maximum(plain @ projection, 0)
            yield rows, np.concatenate([plain, active, np.ones((len(rows), 1), np.float32)], axis=1)


def _ridge(gram: NDArray[np.float64], cross: NDArray[np.float64], penalty: float) -> Floats:
    scale = np.trace(gram) / len(gram)
    return np.linalg.solve(gram + penalty * scale * np.eye(len(gram)), cross).astype(np.float32)


def _temperature(scores: Floats, labels: Labels) -> np.float32:
    """The factor from scores to logits of the greatest likelihood, among powers of 1.25 around 10."""
    at = np.arange(len(labels))
    factors = 10 * 1.25 ** np.arange(-10, 11)
    losses = [-np.log(softmax(scores * np.float32(f))[at, labels] + 1e-9).mean() for f in factors]
    return np.float32(factors[int(np.argmin(losses))])
