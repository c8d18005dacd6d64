from dataclasses import replace

import numpy as np
import pytest

from imgprep.checks.rules.drift import Drift, distance


def test_distance_is_scipys():
    from scipy import stats

    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 9, 30).astype(float), rng.normal(4, 2, 50)
        assert distance(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic)


def drift(here, there, **settings):
    return list(Drift(**settings)(replace(here, reference=there)))


def measured(evidence, images, shift, seed):
    noise = np.random.default_rng(seed).random(400) * 0.2
    noise[:200] += shift
    return evidence(images({"a": 200, "b": 200}), {"mean": 0.3 + noise})


@pytest.mark.parametrize(("shift", "status"), [(0.0, "pass"), (0.04, "pass"), (0.15, "fail")])
def test_drift(evidence, images, shift, status):
    found = {f.subject: f for f in drift(measured(evidence, images, shift, 1), measured(evidence, images, 0, 2))}
    assert (found["a"].status, found["b"].status) == (status, "pass")
    assert "mean" in found["a"].message or status == "pass"


def test_new_gone_and_small_classes(evidence, images):
    here = evidence(images({"a": 5, "b": 30}), {})
    there = evidence(images({"a": 30, "c": 30}), {})
    statuses = {f.subject: f.status for f in drift(here, there)}
    assert statuses == {"a": "inconclusive", "b": "fail", "c": "fail"}
    assert {f.severity for f in drift(here, there)} == {"warning"}


def test_nothing_measured(evidence, images):
    here = evidence(images({"a": 30}))
    assert [f.status for f in drift(here, here)] == ["inconclusive"]


def test_settings(evidence, images):
    here, there = measured(evidence, images, 0.15, 1), measured(evidence, images, 0, 2)
    assert {finding.status for finding in drift(here, there, max=1.0)} == {"pass"}
    assert {finding.status for finding in drift(here, there, min_images=201)} == {"inconclusive"}
    assert {finding.severity for finding in drift(here, there, severity="error")} == {"error"}


def test_sizes_are_not_compared_with_those_of_another_stage(evidence, images):
    """Converted images have one size, whatever the source has: that is no drift."""
    here, there = evidence(images({"a": 30}), {"height": 64}), evidence(images({"a": 30}), {"height": 200})
    assert [finding.status for finding in drift(here, there)] == ["fail"]
    assert [finding.status for finding in drift(replace(here, stage="convert"), there)] == ["pass"]


def test_it_applies_where_there_is_a_reference(evidence, images):
    here = evidence(images({"a": 30}))
    assert not Drift().applies(here)
    assert Drift().applies(replace(here, reference=here, stage="pack"))
    (finding,) = Drift()(here)
    assert (finding.status, "--reference" in finding.message) == ("skipped", True)
