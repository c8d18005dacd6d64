import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from imgprep.checks import intervals
from imgprep.checks.intervals import (
    Stratum,
    chi_squared_quantile,
    clopper_pearson,
    regularized_beta,
    reviews_needed,
    stratified,
)


@settings(deadline=None, max_examples=30)
@given(st.data(), st.integers(1, 60_000), st.sampled_from([0.8, 0.95, 0.99]))
def test_clopper_pearson_is_scipys(data, trials, confidence):
    successes = data.draw(st.integers(0, trials))
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, "exact")
    assert clopper_pearson(successes, trials, confidence) == pytest.approx(tuple(expected), abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1 - 1e-12) | st.just(1.0), st.floats(0.5, 5000), st.floats(0.5, 5000))
def test_incomplete_beta_is_scipys(x, a, b):
    # Nearer to 1 scipy loses digits: at a = b = 1/2 and 1 - 1e-16 the closed form, 2/pi asin(sqrt(x)), is ours.
    assert regularized_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-9)


def test_chi_squared_is_close_to_scipys():
    for freedom in (1, 9, 99):
        assert chi_squared_quantile(3.09, freedom) == pytest.approx(stats.chi2.ppf(0.999, freedom), rel=0.04)


def test_census_is_exact():
    interval = stratified([Stratum(100, 100, 3), Stratum(900, 900, 27)], 0.95)
    assert interval == (0.03, 0.03, 0.03, True)


def test_proportional_reviews_are_pooled():
    interval = stratified([Stratum(1000, 100, 3), Stratum(2000, 200, 6)], 0.95)
    assert (interval.low, interval.high) == clopper_pearson(9, 300, 0.95)
    assert interval.rate == pytest.approx(0.03)


def test_reviews_are_weighted_back_to_the_class_sizes():
    interval = stratified([Stratum(9000, 100, 0), Stratum(1000, 100, 50)], 0.95)
    assert interval.rate == pytest.approx(0.05)
    assert interval.low < 0.05 < interval.high < 0.15


def test_class_without_reviews():
    interval = stratified([Stratum(1000, 100, 4), Stratum(10, 0, 0)], 0.95)
    assert interval.rate == pytest.approx(0.04)
    assert not interval.census


@pytest.mark.parametrize("design", ["simple", "proportional", "slightly off", "equal"])
def test_interval_covers(design, monkeypatch):
    """In 95 % of 1,000 simulated reviews or more."""
    monkeypatch.setattr(intervals, "clopper_pearson", functools.cache(clopper_pearson))
    rng = np.random.default_rng(7)
    sizes = np.array([8000, 4000, 2000, 1000, 500])
    rates = np.array([0.01, 0.03, 0.05, 0.1, 0.2])
    errors = np.round(sizes * rates).astype(int)
    truth = errors.sum() / sizes.sum()
    proportional = np.round(sizes / sizes.sum() * 800).astype(int)
    covered = 0
    for _ in range(1000):
        if design == "simple":
            reviewed = rng.multivariate_hypergeometric(sizes, 800)
        else:
            slightly = np.array([380, 210, 115, 60, 30])
            reviewed = {"proportional": proportional, "slightly off": slightly, "equal": np.full(5, 160)}[design]
        wrong = rng.hypergeometric(errors, sizes - errors, reviewed)
        strata = [Stratum(*values) for values in zip(sizes.tolist(), reviewed.tolist(), wrong.tolist(), strict=True)]
        interval = stratified(strata, 0.95)
        covered += interval.low <= truth <= interval.high
    assert covered >= 950


def test_advice_on_the_sample_size():
    assert clopper_pearson(round(0.03 * 1000), 1000, 0.95)[1] > 0.04
    needed = reviews_needed(0.03, 0.04, 60_000, 0.95)
    assert 1000 < needed < 3000
    assert clopper_pearson(round(0.03 * needed), needed, 0.95)[1] < 0.04
    assert reviews_needed(0.04, 0.04, 5000, 0.95) == 5000
