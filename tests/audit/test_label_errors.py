import functools

import numpy as np
import pytest

from imgprep.audit import intervals, label_errors
from imgprep.audit.base import Predictions, Review
from imgprep.audit.label_errors import (
    confident_suspects,
    draw_review,
    find_suspects,
    judge_review,
    read_predictions,
    read_review,
    review_rows,
)
from imgprep.audit.rules.labels import LabelErrors
from imgprep.errors import RequestError
from imgprep.sample import Sample, SampleTable


def review_of(samples, wrong):
    """A review of all these samples; ``wrong`` is how many the second person labels otherwise."""
    reviewed = ["other"] * wrong + [sample.label for sample in samples[wrong:]]
    return Review(tuple(s.id for s in samples), tuple(s.label for s in samples), tuple(reviewed))


@pytest.mark.parametrize(("wrong", "status"), [(39, "pass"), (40, "fail"), (41, "fail")])
def test_census(evidence, images, wrong, status):
    samples = images({"a": 500, "b": 500})
    (finding,) = LabelErrors()(evidence(samples, review=review_of(samples, wrong)))
    assert (finding.status, finding.severity, finding.observed) == (status, "error", wrong / 1000)
    assert len(finding.samples) == wrong
    assert "every image was reviewed" in finding.message


# The ends of the exact interval of 500: 10 of 500 are at most 3.65 %, 11 at most 3.90 %, 12 at most 4.15 %;
# 29 of 500 are at least 3.92 %, 30 at least 4.08 %.
@pytest.mark.parametrize(
    ("wrong", "status"), [(10, "pass"), (11, "pass"), (12, "inconclusive"), (29, "inconclusive"), (30, "fail")]
)
def test_sample(evidence, images, wrong, status):
    samples = images({"a": 20_000})
    (finding,) = LabelErrors()(evidence(samples, review=review_of(samples[:500], wrong)))
    assert finding.status == status
    assert ("more reviews" in finding.message) == (status == "inconclusive")


def test_no_review_names_the_key(evidence, images):
    (finding,) = LabelErrors()(evidence(images({"a": 2})))
    assert finding.status == "skipped"
    assert "review" in finding.message


def test_review_without_second_labels(evidence, images, statuses):
    review = Review(("a/0.png",), ("a",), ("",))
    assert statuses(LabelErrors(), evidence(images({"a": 2}), review=review)) == {None: "inconclusive"}


def test_corrected_labels_do_not_change_what_the_sample_says(evidence, images):
    samples = images({"a": 100, "b": 100})
    review = Review(("a/0.png", "a/1.png", "gone.png"), ("b", "a", "a"), ("a", "a", "b"))
    found = judge_review(evidence(samples), review, 0.04, 0.95)
    assert found.wrong == ("a/0.png",)
    assert (found.reviews, found.unknown) == (2, 1)


def test_corrected_labels_count_in_a_census(evidence, images):
    review = Review(("a/0.png", "a/1.png"), ("b", "a"), ("a", "a"))
    found = judge_review(evidence(images({"a": 2})), review, 0.04, 0.95)
    assert found.interval == (0, 0, 0, True)


@pytest.mark.parametrize(("rate", "never"), [(0.03, "fail"), (0.06, "pass")])
def test_planted_errors_over_many_seeds(evidence, images, monkeypatch, rate, never):
    monkeypatch.setattr(intervals, "clopper_pearson", functools.cache(intervals.clopper_pearson))
    monkeypatch.setattr(label_errors, "reviews_needed", lambda *_: 5000)
    samples = images({str(digit): 600 for digit in range(10)})
    collection = evidence(samples)
    table = collection.table
    seen = set()
    for seed in range(100):
        rng = np.random.default_rng(seed)
        wrong = np.zeros(len(samples), bool)
        wrong[rng.choice(len(samples), round(rate * len(samples)), replace=False)] = True
        rows = draw_review(table, 2000, seed).tolist()
        second = ["?" if wrong[row] else samples[row].label for row in rows]
        review = Review(
            tuple(samples[row].id for row in rows), tuple(samples[row].label for row in rows), tuple(second)
        )
        found = judge_review(collection, review, 0.04, 0.95)
        low, high = found.interval.low, found.interval.high
        seen.add("pass" if high < 0.04 else "fail" if low > 0.04 else "inconclusive")
    assert never not in seen


def test_drawn_sample_is_stratified_and_reproducible():
    samples = [
        Sample(f"{label}{n}", "", label) for label, count in (("a", 900), ("b", 90), ("c", 1)) for n in range(count)
    ]
    table = SampleTable.of([*samples, Sample("x", "", "a", status="quarantined")])
    rows = draw_review(table, 100, 1)
    labels = [table.label[row] for row in rows.tolist()]
    assert len(set(rows.tolist())) == 100
    assert labels.count("c") == 1
    assert 8 <= labels.count("b") <= 10
    assert rows.tolist() == sorted(rows.tolist()) == draw_review(table, 100, 1).tolist()
    assert rows.tolist() != draw_review(table, 100, 2).tolist()
    assert len(draw_review(table, 5000, 1)) == 991
    assert next(review_rows(table, rows[:1])) == ("id", "label", "reviewed_label")


def test_drawing_from_nothing():
    assert len(draw_review(SampleTable.of([]), 10, 0)) == 0


def test_read_review(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("note,id,label,reviewed_label\n,a,x,y\n,b,x,\n", "utf-8")
    assert read_review(path) == (("a", "b"), ("x", "x"), ("y", ""))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\n", "reviewed_label is missing"),
        ("", "id is missing"),
        ("id,label,reviewed_label\na,x,x\na,x,x\n", "twice"),
        ("id,label,reviewed_label\na,x,x\nb,x\n", "r.csv:3: the row has not 3 cells"),
        ("id,label,reviewed_label\na,x,x,x\n", "r.csv:2: the row has not 3 cells"),
        ('id,label,reviewed_label\na,"x,x\n', "no CSV table"),
        (None, "cannot read"),
    ],
)
def test_read_a_bad_review(tmp_path, text, message):
    path = tmp_path / "r.csv"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(RequestError, match=message):
        read_review(path)


def test_read_predictions(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, ids=np.array(["a", "b"]), pred_probs=np.array([[0.1, 0.9], [1, 0]]))
    assert read_predictions(path, ("x", "y")).ids == ["a", "b"]
    with pytest.raises(RequestError, match="shape"):
        read_predictions(path, ("x", "y", "z"))
    np.savez(path, ids=np.array(["a"]), pred_probs=np.array([[np.nan, 0.9]]))
    with pytest.raises(RequestError, match="no probabilities"):
        read_predictions(path, ("x", "y"))
    whole = path.read_bytes()
    np.save(tmp_path / "alone.npy", np.zeros((1, 2)))
    for content in (
        b"nothing",
        b"",
        (tmp_path / "alone.npy").read_bytes(),
        whole[:-30],
        whole[:60] + b"\xff" * 40 + whole[100:],
    ):
        path.write_bytes(content)
        with pytest.raises(RequestError, match="cannot read"):
            read_predictions(path, ("x", "y"))


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
    assert find_suspects(collection, predictions)[1] > 0.9


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
    suspects, agreement = find_suspects(found, Predictions([sample.id for sample in table], probabilities, "spec"))
    assert set(suspects) <= {sample.id for sample in table}
    assert 0 <= agreement <= 1


def test_cleanlab_finds_what_it_is_there_for(evidence, images):
    pytest.importorskip("cleanlab")
    table = images({"a": 60, "b": 60})
    own = np.repeat([0, 1], 60)
    own[:3] = 1  # three images of a that look like b
    probabilities = np.full((120, 2), 0.02)
    probabilities[np.arange(120), own] = 0.98
    suspects, _ = find_suspects(evidence(table), Predictions([sample.id for sample in table], probabilities, "spec"))
    assert set(suspects) == {sample.id for sample in table[:3]}
