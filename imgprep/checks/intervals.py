"""Exact confidence intervals of a rate, from a sample that may be stratified. Standard library only."""

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

_TINY: Final = 1e-300
_STEPS: Final = 400
_PRECISION: Final = 1e-12
_NEARLY_EQUAL: Final = 1.25
"""Sampling fractions of classes within this factor are corrected by it; others are weighted."""


class Interval(NamedTuple):
    """A rate and the interval that holds the true one with the confidence asked for."""

    rate: float
    low: float
    high: float
    census: bool = False


class Stratum(NamedTuple):
    """One class: how many images it has, how many were reviewed, how many of those are wrong."""

    size: int
    reviewed: int
    wrong: int


def clopper_pearson(successes: float, trials: float, confidence: float) -> tuple[float, float]:
    """The exact interval of a binomial rate (Clopper and Pearson, 1934).

    Its ends are quantiles of beta distributions, which also exist for numbers that are not whole.

    Args:
        successes: 0 to ``trials``.
        trials: more than 0.
        confidence: for example 0.95; half of the rest lies beyond either end.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if successes <= 0 else _beta_quantile(tail, successes, trials - successes + 1)
    high = 1.0 if successes >= trials else _beta_quantile(1 - tail, successes + 1, trials - successes)
    return low, high


def stratified(strata: Sequence[Stratum], confidence: float) -> Interval:
    """The rate over all images and its interval, from reviews of some images of each class.

    - Everything reviewed: a census, the rate is exact.
    - The number of reviews in each class is what a simple random sample gives (chi-squared under its 99.9 % quantile),
      as when they are proportional to the classes: the number of wrong ones is a sum of independent trials, with
      tails that a binomial distribution bounds (Hoeffding, 1956), so the Clopper-Pearson interval of all reviews holds.
    - Sampling fractions within a factor of 1.25: the same interval, its ends multiplied with the smallest and the
      largest ratio of a class's share of the images to its share of the reviews.
    - Otherwise each review counts with its weight, and tails of a weighted sum are at most e times those of a binomial
      distribution that has the largest weight (Bentkus, 2004): Clopper-Pearson with a tail smaller by e.

    Drawing without replacement only makes the tails lighter. Classes without reviews count as if the others spoke for
    them.

    Args:
        strata: the classes; some image of some class was reviewed.
        confidence: for example 0.95.
    """
    seen = [stratum for stratum in strata if stratum.reviewed]
    size, reviewed = sum(stratum.size for stratum in seen), sum(stratum.reviewed for stratum in seen)
    wrong = sum(stratum.wrong for stratum in seen)
    rate = sum(stratum.size / size * stratum.wrong / stratum.reviewed for stratum in seen)
    if reviewed == sum(stratum.size for stratum in strata):
        return Interval(rate, rate, rate, census=True)
    ratios = [(stratum.size / size) / (stratum.reviewed / reviewed) for stratum in seen]
    if _looks_simple(seen, size, reviewed):
        low, high = clopper_pearson(wrong, reviewed, confidence)
    elif max(ratios) / min(ratios) <= _NEARLY_EQUAL:
        low, high = clopper_pearson(wrong, reviewed, confidence)
        low, high = low * min(ratios), high * max(ratios)
    else:
        largest = max(ratios)
        low, high = clopper_pearson(rate / largest * reviewed, reviewed, 1 - (1 - confidence) / math.e)
        low, high = low * largest, high * largest
    return Interval(rate, min(low, rate), min(1.0, max(high, rate)))


def reviews_needed(rate: float, budget: float, size: int, confidence: float) -> int:
    """Returns the number of reviews of a simple random sample that would decide, if the rate stays the same.

    Args:
        rate: observed.
        budget: what it is compared with.
        size: the number of images, at which the review is a census.
        confidence: as for `clopper_pearson`.
    """

    def decides(trials: int) -> bool:
        low, high = clopper_pearson(round(rate * trials), trials, confidence)
        return high < budget or low > budget

    trials = 1
    while trials < size and not decides(trials):
        trials = min(size, math.ceil(trials * 1.1))
    return trials


def chi_squared_quantile(probability_z: float, freedom: int) -> float:
    """The quantile at so many standard deviations of the normal distribution (Wilson and Hilferty, 1931)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + probability_z * math.sqrt(part)) ** 3)


def _looks_simple(strata: Sequence[Stratum], size: int, reviewed: int) -> bool:
    if len(strata) == 1:
        return True
    expected = [stratum.size / size * reviewed for stratum in strata]
    squares = sum((s.reviewed - mean) ** 2 / mean for s, mean in zip(strata, expected, strict=True))
    return squares <= chi_squared_quantile(3.09, len(strata) - 1)


def _beta_quantile(probability: float, a: float, b: float) -> float:
    return _bisect(lambda x: regularized_beta(x, a, b), probability)


def _bisect(increasing: Callable[[float], float], target: float) -> float:
    low, high = 0.0, 1.0
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if increasing(middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def regularized_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    Args:
        x: 0 to 1.
        a: positive.
        b: positive.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - regularized_beta(1 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(scale) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """1 / (1 + d1 / (1 + d2 / ...)), evaluated from the front (Lentz)."""
    numerator, denominator, value = 1.0, 0.0, 1.0
    for step in range(_STEPS):
        half = step // 2
        if step == 0:
            term = 1.0
        elif step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominator = 1 / (1 + term * denominator or _TINY)
        numerator = 1 + term / numerator or _TINY
        change = numerator * denominator
        value *= change
        if abs(change - 1) < 1e-15:
            break
    return value - 1
