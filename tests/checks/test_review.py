import functools

import numpy as np
import pytest

from imgprep.checks import intervals, review
from imgprep.checks.label_evidence import OUTSIDE, Review
from imgprep.checks.review import draw_review, judge_review
from imgprep.checks.rules.labels import LabelErrors
from imgprep.table.sample import Sample, SampleTable


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
    given = Review(("a/0.png",), ("a",), ("",))
    assert statuses(LabelErrors(), evidence(images({"a": 2}), review=given)) == {None: "inconclusive"}


def test_corrected_labels_do_not_change_what_the_sample_says(evidence, images):
    samples = images({"a": 100, "b": 100})
    given = Review(("a/0.png", "a/1.png", "gone.png"), ("b", "a", "a"), ("a", "a", "b"))
    found = judge_review(evidence(samples), given, 0.04, 0.95)
    assert found.wrong == ("a/0.png",)
    assert (found.reviews, found.unknown) == (2, ("gone.png",))


def test_corrected_labels_count_in_a_census(evidence, images):
    given = Review(("a/0.png", "a/1.png"), ("b", "a"), ("a", "a"))
    found = judge_review(evidence(images({"a": 2})), given, 0.04, 0.95)
    assert found.interval == (0, 0, 0, True)


@pytest.mark.parametrize(("rate", "never"), [(0.03, "fail"), (0.06, "pass")])
def test_planted_errors_over_many_seeds(evidence, images, monkeypatch, rate, never):
    monkeypatch.setattr(intervals, "clopper_pearson", functools.cache(intervals.clopper_pearson))
    monkeypatch.setattr(review, "reviews_needed", lambda *_: 5000)
    samples = images({str(digit): 600 for digit in range(10)})
    collection = evidence(samples)
    table = collection.table
    seen = set()
    for seed in range(100):
        rng = np.random.default_rng(seed)
        wrong = np.zeros(len(samples), bool)
        wrong[rng.choice(len(samples), round(rate * len(samples)), replace=False)] = True
        rows = draw_review(table, 2000, seed).tolist()
        second = ["another" if wrong[row] else samples[row].label for row in rows]
        given = Review(tuple(samples[row].id for row in rows), tuple(samples[row].label for row in rows), tuple(second))
        found = judge_review(collection, given, 0.04, 0.95)
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


def test_drawing_from_nothing():
    assert len(draw_review(SampleTable.of([]), 10, 0)) == 0


def test_rows_that_are_not_drawn_are_replaced_by_others_of_their_class():
    samples = [Sample(f"{label}{n}", "", label) for label in "ab" for n in range(40)]
    table = SampleTable.of(samples)
    first = draw_review(table, 20, 3)
    without = np.zeros(80, bool)
    without[first[[0, 5]]] = True
    second = draw_review(table, 20, 3, without)
    assert set(first.tolist()) - set(second.tolist()) == set(first[[0, 5]].tolist())
    assert [table.label[row] for row in second.tolist()].count("a") == 10
    assert len(draw_review(table, 100, 3, without)) == 78


def test_unsure_answers_are_no_part_of_the_sample(evidence, images):
    """4 of 40 are wrong, and 10 unsure: 10 %, by the quantiles of the beta distribution 2.79 % to 23.66 %."""
    samples = images({"a": 500})
    ids = [sample.id for sample in samples]
    given = Review(tuple(ids[:40]), ("a",) * 40, (OUTSIDE,) * 4 + ("a",) * 36, tuple(ids[40:50]))
    found = judge_review(evidence(samples), given, 0.04, 0.95)
    assert (found.reviews, found.unsure, found.wrong) == (40, 10, tuple(ids[:4]))
    assert found.interval.rate == pytest.approx(0.1)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0279, 0.2366), abs=1e-4)
    (finding,) = LabelErrors()(evidence(samples, review=given))
    assert "4 of 40 reviewed" in finding.message
    assert "10 images were marked as unsure and left out of the sample" in finding.message


def test_only_unsure_answers_decide_nothing(evidence, images):
    given = Review((), (), (), ("a/0.png",))
    (finding,) = LabelErrors()(evidence(images({"a": 2}), review=given))
    assert finding.status == "inconclusive"
    assert "1 image was marked as unsure" in finding.message


def test_when_only_unsure_images_are_left_no_more_reviews_are_asked_for(evidence, images):
    samples = images({"a": 60})
    ids = tuple(sample.id for sample in samples)
    given = Review(ids[:50], ("a",) * 50, (OUTSIDE, *["a"] * 49), ids[50:])
    (finding,) = LabelErrors()(evidence(samples, review=given))
    assert finding.status == "inconclusive"
    assert "those marked as unsure have to be decided" in finding.message


def test_reviewed_images_that_are_unreadable_are_not_said_to_be_missing(evidence, images):
    samples = images({"a": 20})
    samples[3] = samples[3]._replace(status="quarantined", reason="empty file")
    given = Review(("a/1.png", "a/3.png", "gone.png"), ("a", "a", "a"), ("a", "a", "a"))
    (finding,) = LabelErrors()(evidence(samples, review=given))
    assert "0 of 1 reviewed" in finding.message
    assert "1 image was reviewed but unusable" in finding.message
    assert "1 image was reviewed but not in the collection: gone.png" in finding.message
