import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.checks.linear import FOLDS, Discriminant, assign_folds, balanced_accuracy, out_of_fold, softmax


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(0, 5))
def test_folds_spread_every_class(labels, seed):
    fold = assign_folds(np.array(labels), seed)
    for label in set(labels):
        sizes = np.bincount(fold[np.array(labels) == label], minlength=FOLDS)
        assert sizes.max() - sizes.min() <= 1


def clouds(count, distance, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    features = rng.normal(0, 1, (count, 10))
    features[np.arange(count), labels] += distance
    return features, labels


def test_out_of_fold_probabilities():
    features, labels = clouds(300, 6.0)
    found = out_of_fold(features, labels, 1)
    assert found.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    assert (found.argmax(axis=1) == labels).mean() > 0.97


def test_classifier_never_sees_what_it_predicts():
    rng = np.random.default_rng(3)
    labels = np.arange(400) % 2
    found = out_of_fold(rng.normal(0, 1, (400, 100)), labels, 1)
    assert (found.argmax(axis=1) == labels).mean() < 0.62


def test_discriminant():
    features, labels = clouds(300, 6.0)
    analysis = Discriminant(features - features.mean(axis=0), assign_folds(labels, 0))
    assert balanced_accuracy(analysis.predict(labels, 3), labels, 3) > 0.97
    shuffled = np.random.default_rng(0).permutation(labels)
    assert balanced_accuracy(analysis.predict(shuffled, 3), shuffled, 3) < 0.45


def test_balanced_accuracy_weighs_classes_alike():
    assert balanced_accuracy(np.zeros(100, int), np.array([0] * 99 + [1]), 2) == pytest.approx(0.5)


def test_softmax_of_large_scores():
    assert softmax(np.array([[1e4, 0.0]], np.float32)).tolist() == [[1.0, 0.0]]
