"""How far a collection has moved from another one, class by class."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Evidence, Finding, percent, verdict

RULE: Final = "drift"
COLUMNS: Final = ("mean", "spread", "blur", "colorful", "scale", "height", "width")
"""The measurements that are compared."""
LEAST: Final = 20
MOST: Final = 0.25
"""The largest distance between two distribution functions that passes; 1 is no overlap."""


def drift(evidence: Evidence, reference: Evidence, most: float = MOST) -> Iterator[Finding]:
    """Compares each class with the same class of a reference, by the measurement that moved most.

    The distance of two samples is that of Kolmogorov and Smirnov, less what 99.9 % of samples of one distribution stay
    under. Classes that only one of the two has are reported as well.

    Args:
        evidence: the collection that is judged.
        reference: the earlier, or the other, collection.
        most: the largest distance that passes.
    """
    for name in dict.fromkeys((*evidence.classes, *reference.classes)):
        here, there = evidence.counts.get(name, 0), reference.counts.get(name, 0)
        if not here or not there:
            message = f"{name} is {'new' if here else 'gone'}: {here} images now, {there} in the reference"
            yield Finding(RULE, "fail", "warning", name, here, there, message)
            continue
        mine, theirs = _values(evidence, name), _values(reference, name)
        if min(len(mine), len(theirs)) < LEAST:
            yield Finding(RULE, "inconclusive", "warning", name, message=f"{name}: fewer than {LEAST} measured images")
            continue
        found = {column: distance(mine[:, n], theirs[:, n]) for n, column in enumerate(COLUMNS)}
        column = max(found, key=found.__getitem__)
        noise = 1.95 * np.sqrt((len(mine) + len(theirs)) / (len(mine) * len(theirs)))
        moved = max(0.0, round(found[column] - float(noise), 6))
        message = f"{name}: {column} moved by {percent(moved)} beyond chance; at most {percent(most)} passes"
        yield Finding(RULE, verdict(moved <= most), "warning", name, moved, most, message)


def distance(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """The largest distance between the distribution functions of two samples (Kolmogorov, Smirnov).

    Args:
        mine: (N,) values.
        theirs: (M,) values.
    """
    values = np.concatenate([mine, theirs])
    below = np.searchsorted(np.sort(mine), values, side="right") / len(mine)
    reference = np.searchsorted(np.sort(theirs), values, side="right") / len(theirs)
    return float(np.abs(below - reference).max())


def _values(evidence: Evidence, name: str) -> NDArray[np.float64]:
    """(N, D) the compared measurements of a class."""
    if evidence.measurements is None:
        return np.zeros((0, len(COLUMNS)))
    rows = evidence.rows(evidence.classes.index(name))
    chosen = evidence.measurements.at(rows[evidence.measured[rows]])
    return np.stack([chosen.numbers(column) for column in COLUMNS], axis=1)
