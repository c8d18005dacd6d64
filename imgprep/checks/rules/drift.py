"""A rule about how far a collection has moved from another one, class by class."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import ALL_STAGES, Compared, Count, Evidence, Finding, Rule, Severity, Share, percent, verdict

COLUMNS: Final = ("mean", "spread", "blur", "colorful", "scale", "height", "width")
"""The measurements that are compared."""
RESIZED: Final = ("blur", "height", "width")
"""Those that change when images are resized: compared only between images of the same stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Rule):
    """Each class is like the same class of a reference (Handbook, part 5, "assembly"), by what moved most.

    The distance of two samples is that of Kolmogorov and Smirnov, less what 99.9 % of samples of one distribution stay
    under. Classes that only one of the two has are reported as well.

    Why:
        A model was judged on images like the reference; where they have changed, that judgement no longer holds.

    Fix:
        Find out what changed, such as a camera or a source, and retrain, or collect images like the earlier ones.

    Off:
        It is on only with a reference. Raise max where classes are expected to move.

    Attributes:
        max: the largest distance between two distribution functions that passes; 1 is no overlap.
        min_images: the smallest number of measured images of a class that is compared.
    """

    id: ClassVar[str] = "drift"
    source: ClassVar[str] = "Handbook, part 5 (assembly)"
    stages: ClassVar[frozenset[str]] = ALL_STAGES
    severity: Severity = "warning"
    max: Share = 0.25
    min_images: Count = 20

    def applies(self, evidence: Evidence) -> bool:
        """Returns whether a reference was given."""
        return evidence.reference is not None

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Compares each class with that of the reference."""
        reference = evidence.reference
        if reference is None:
            yield self.skip("no other collection to compare with; --reference supplies it")
            return
        columns = [name for name in COLUMNS if evidence.stage == reference.stage or name not in RESIZED]
        names = dict.fromkeys((*evidence.classes, *reference.classes))
        if not names:
            yield self.finding("inconclusive", "no class has a usable image to compare with")
        for name in names:
            here, there = evidence.counts.get(name, 0), reference.counts.get(name, 0)
            if here and there:
                yield self._moved(name, _values(evidence, name, columns), _values(reference, name, columns), columns)
                continue
            state = "without images" if not here and not there else "new" if here else "gone"
            message = f"{name} is {state}: {here} images now, {there} in the reference"
            yield self.finding("fail" if here or there else "inconclusive", message, name, Compared(here, there))

    def _moved(self, name: str, mine: NDArray[np.float64], theirs: NDArray[np.float64], columns: list[str]) -> Finding:
        least = max(1, self.min_images)
        if min(len(mine), len(theirs)) < least:
            return self.finding("inconclusive", f"{name}: fewer than {least} measured images", name)
        found = {column: distance(mine[:, n], theirs[:, n]) for n, column in enumerate(columns)}
        column = max(found, key=found.__getitem__)
        noise = 1.95 * np.sqrt((len(mine) + len(theirs)) / (len(mine) * len(theirs)))
        moved = max(0.0, round(found[column] - float(noise), 6))
        message = f"{name}: {column} moved by {percent(moved)} beyond chance; at most {percent(self.max)} passes"
        return self.finding(verdict(moved <= self.max), message, name, Compared(moved, self.max))


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


def _values(evidence: Evidence, name: str, columns: list[str]) -> NDArray[np.float64]:
    """(N, D) the compared measurements of a class."""
    if evidence.measurements is None:
        return np.zeros((0, len(columns)))
    chosen = evidence.measurements.at(evidence.measured_rows(evidence.classes.index(name)))
    return np.stack([chosen.numbers(column) for column in columns], axis=1)
