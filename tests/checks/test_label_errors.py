import numpy as np
import pytest

from imgprep.checks.label_errors import confident_suspects, find_suspects
from imgprep.checks.label_evidence import Predictions
from imgprep.checks.rules.labels import LabelErrors
from imgprep.table.sample import Sample


def planted(count=600, classes=4, seed=0):
    """Labels, the true ones, and probabilities of a classifier that is usually right."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, count)
    labels = truth.copy()
    wrong = rng.choice(count, count // 20, replace=False)
    labels[wrong] = (labels[wrong] + 1) % classes
    scores = rng.normal(0, 0.5, (count, classes))
    scores[np.arange(count), truth] += 4
    powers = np.exp(scores)
    return labels, truth, powers / powers.sum(axis=1, keepdims=True)


def test_confident_suspects_are_the_planted_ones():
    labels, truth, probabilities = planted()
    found = confident_suspects(labels, probabilities)
    wrong = set(np.flatnonzero(labels != truth).tolist())
    assert len(wrong & set(found.tolist())) >= 0.8 * len(wrong)
    assert len(wrong & set(found.tolist())) >= 0.95 * len(found)


def test_suspects_never_fail_the_budget(evidence):
    labels, truth, probabilities = planted()
    samples = [Sample(f"{n}.png", "", str(label)) for n, label in enumerate(labels.tolist())]
    order = np.random.default_rng(1).permutation(len(samples))
    ids = [f"{n}.png" for n in order.tolist()] + ["unknown.png"]
    predictions = Predictions(ids, np.vstack([probabilities[order], [[1, 0, 0, 0]]]), "a test", estimate=True)
    collection = evidence(samples, predictions=predictions)
    budget, suspects = LabelErrors()(collection)
    assert (budget.status, suspects.status) == ("skipped", "inconclusive")
    assert truth[int(suspects.samples[0][:-4])] != labels[int(suspects.samples[0][:-4])]
    assert "an estimate" in suspects.message
    assert find_suspects(collection, predictions).agreement > 0.9


def test_baseline_finds_planted_errors(evidence):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 200)
    features = rng.normal(0, 0.05, (600, 440))
    features[np.arange(600), truth] += 3
    labels = truth.copy()
    wrong = rng.choice(600, 18, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 3
    samples = [Sample(f"{n}", "", str(label)) for n, label in enumerate(labels.tolist())]
    *_, finding = LabelErrors(suspects=True)(evidence(samples, {"descriptor": features}))
    found = {int(sample) for sample in finding.samples}
    assert len(found & set(wrong.tolist())) >= 14
    assert len(found) <= 20


def test_baseline_without_descriptors(evidence, images):
    *_, finding = LabelErrors(suspects=True)(evidence(images({"a": 20, "b": 20}), {}))
    assert finding.status == "skipped"


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 1, 0], [2, 2, 2, 2, 2, 2]])
def test_odd_probabilities_still_give_suspects_that_exist(evidence, images, labels):
    names = ["a", "b", "c"]
    table = images({name: labels.count(code) for code, name in enumerate(names) if labels.count(code)})
    found = evidence(table)
    probabilities = np.full((6, len(found.classes)), 0.0)
    suspects, agreement, *_ = find_suspects(found, Predictions([sample.id for sample in table], probabilities, "spec"))
    assert set(suspects) <= {sample.id for sample in table}
    assert 0 <= agreement <= 1


def test_cleanlab_finds_what_it_is_there_for(evidence, images):
    pytest.importorskip("cleanlab")
    table = images({"a": 60, "b": 60})
    own = np.repeat([0, 1], 60)
    own[:3] = 1  # three images of a that look like b
    probabilities = np.full((120, 2), 0.02)
    probabilities[np.arange(120), own] = 0.98
    suspects, *_ = find_suspects(evidence(table), Predictions([sample.id for sample in table], probabilities, "spec"))
    assert set(suspects) == {sample.id for sample in table[:3]}


def test_predictions_of_other_images_are_counted_aloud(evidence, images):
    table = images({"a": 30, "b": 30})
    ids = [sample.id for sample in table]
    own = np.repeat([[0.95, 0.05], [0.05, 0.95]], 30, axis=0)
    *_, finding = LabelErrors()(evidence(table, predictions=Predictions([*ids, "x"], np.vstack([own, [[1, 0]]]), "me")))
    assert "0 of 60 labels are disputed" in finding.message
    assert "1 of its ids are not usable images of the collection" in finding.message
    *_, finding = LabelErrors()(evidence(table, predictions=Predictions(["x", "y"], own[:2], "me")))
    assert (finding.status, finding.observed) == ("inconclusive", None)
    assert "me holds no image of this collection" in finding.message
