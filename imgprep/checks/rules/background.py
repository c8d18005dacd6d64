"""The rule about backgrounds: Handbook, part 5, "Is my background uniform or diversified across all classes?"."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, NamedTuple

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from imgprep.checks.base import Compared, Evidence, Finding, Severity, Share, percent
from imgprep.checks.linear import FOLDS, Discriminant, assign_folds, balanced_accuracy
from imgprep.checks.measurements import Measurements
from imgprep.checks.pixel_rule import PixelRule
from imgprep.util.rng import rng

Rows = NDArray[np.intp]
FEWEST: Final = 2 * FOLDS
PER_CLASS: Final = 200
AT_MOST: Final = 4000
REACHES: Final = 0.08
"""The part of the edge at which something stands out from which on an object reaches the border."""
FILLS: Final = 0.1
"""The size of what stands out, as a part of the side, up to which nothing does."""
MOST: Final = 0.5


class Borders(NamedTuple):
    """The accuracy with which the borders of a sample of images predict their classes.

    Attributes:
        accuracy: balanced accuracy of a cross-validated classifier that sees only borders.
        chance: the same for shuffled labels, the largest usual value (the quantile of the significance).
        significant: whether shuffled labels hardly ever do as well.
        recognised: for each class, the mean of how often it is recognised and others are not taken for it.
        spread: for each class, how much its borders differ, relative to those of all images.
    """

    accuracy: float
    chance: float
    significant: bool
    recognised: NDArray[np.float64]
    spread: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background(PixelRule):
    """The border of an image does not give its class away (Handbook, part 5; Ribeiro et al., 2016: huskies and snow).

    A class fails when a linear classifier recognises it by colour and texture of the border alone, far better than one
    that learned shuffled labels, and its borders are more alike than those of the collection. Backgrounds that are the
    same in every class, or diverse in every class, pass. Where the object reaches the border, or fills the picture, in
    most images of a class that fails, the finding says so: the border then shows the object too.

    Why:
        A model that can tell the class by its surroundings need not look at the object, and fails elsewhere.

    Fix:
        Take images of the class before other backgrounds, or of the other classes before this one; crop closer.

    Off:
        Where the surroundings are a part of the class, as with scenes, satellite tiles, textures and images cut out
        close.

    Attributes:
        recognised: how well a class may be recognised by its border, 0.5 to 1 (0.5 is chance).
        spread: a class with at least this part of the variance of all borders has no background of its own.
        significance: how seldom shuffled labels may do as well.
        permutations: how many times labels are shuffled.
        seed: of the folds and the shuffling.
    """

    id: ClassVar[str] = "background"
    source: ClassVar[str] = "Handbook, part 5 (background)"
    needs_labels: ClassVar[bool] = True
    severity: Severity = "warning"
    recognised: Annotated[Share, Ge(0.5)] = 0.8
    spread: Share = 0.6
    significance: Share = 0.05
    permutations: Annotated[int, Ge(19)] = 39
    seed: int = 0

    def judged(self, evidence: Evidence, measured: Measurements) -> Iterator[Finding]:
        """Judges each class against the others."""
        rows, labels, names = self._sample(evidence)
        small = [name for name in evidence.classes if name not in names]
        for name in small:
            yield self.finding("inconclusive", f"{name}: needs at least {FEWEST} readable images", name)
        if len(names) < 2:
            yield self.finding("inconclusive", "backgrounds are compared between at least two classes of enough images")
            return
        features = measured.at(rows).numbers("border")
        borders = self.compare(features, labels, len(names))
        overall = f"balanced accuracy by borders alone {percent(borders.accuracy)}, shuffled {percent(borders.chance)}"
        for label, name in enumerate(names):
            known, spread = float(borders.recognised[label]), float(borders.spread[label])
            own = borders.significant and known > self.recognised and spread < self.spread
            message = (
                f"{name}: {'has a background of its own' if own else 'its background does not single it out'}"
                f" (recognised {percent(known)}, spread {percent(spread)} of all; {overall})"
            )
            if own:
                message += _at_the_border(measured, rows[labels == label])
            samples = evidence.ids(evidence.rows(evidence.classes.index(name))) if own else ()
            yield self.finding("fail" if own else "pass", message, name, Compared(known, self.recognised), samples)

    def _sample(self, evidence: Evidence) -> tuple[Rows, Rows, tuple[str, ...]]:
        """As many images of each class as are enough, and their classes, without the small ones."""
        most = max(FEWEST, min(PER_CLASS, AT_MOST // max(1, len(evidence.classes))))
        random = rng(self.seed, "background")
        rows: list[Rows] = []
        labels: list[Rows] = []
        names: list[str] = []
        for label, name in enumerate(evidence.classes):
            members = evidence.measured_rows(label)
            if len(members) >= FEWEST:
                chosen = np.sort(random.permutation(members)[:most])
                rows.append(chosen)
                labels.append(np.full(len(chosen), len(names)))
                names.append(name)
        empty = [np.zeros(0, np.intp)]
        return np.concatenate(rows or empty), np.concatenate(labels or empty), tuple(names)

    def compare(self, features: NDArray[np.float64], labels: Rows, classes: int) -> Borders:
        """Measures how far borders tell classes.

        Args:
            features: (N, D) border statistics.
            labels: (N,) 0 to K-1, `FEWEST` of each or more.
            classes: K.
        """
        centred = features - features.mean(axis=0)
        # Columns are compared as they are: all are fractions, and scaling noise up would invent a background.
        scaled = centred / max(float(centred.std(axis=0).max()), 1e-6)
        analysis = Discriminant(scaled, assign_folds(labels, self.seed))
        predicted = analysis.predict(labels, classes)
        accuracy = balanced_accuracy(predicted, labels, classes)
        random = rng(self.seed, "permutation")
        shuffles = (random.permutation(labels) for _ in range(self.permutations))
        null = [balanced_accuracy(analysis.predict(shuffled, classes), shuffled, classes) for shuffled in shuffles]
        chance = float(np.quantile(null, 1 - self.significance))
        better = (1 + sum(value >= accuracy for value in null)) / (1 + len(null))
        mine = np.eye(classes, dtype=bool)[labels]
        said = np.eye(classes, dtype=bool)[predicted]
        recognised = (
            (mine & said).sum(axis=0) / mine.sum(axis=0) + (~mine & ~said).sum(axis=0) / (~mine).sum(axis=0)
        ) / 2
        total = _spread(scaled, labels, classes)
        within = np.array([scaled[labels == label].var(axis=0).sum() for label in range(classes)])
        return Borders(accuracy, chance, better <= self.significance, recognised, within / max(total, 1e-12))


def _at_the_border(measurements: Measurements, rows: Rows) -> str:
    """Warns that the border shows the object in most images, so that the object may give the class away."""
    chosen = measurements.at(rows)
    reaching = float((chosen["touch"] >= REACHES).mean())
    filling = float((chosen["scale"] <= FILLS).mean())
    if reaching > MOST:
        return f"; in {percent(reaching)} of its images the object reaches the border, so it may be the object itself"
    if filling > MOST:
        return f"; in {percent(filling)} of its images nothing stands out from the border: the object may fill them"
    return ""


def _spread(features: NDArray[np.float64], labels: Rows, classes: int) -> float:
    """The variance of all borders, every class counting alike."""
    weights = 1 / np.bincount(labels, minlength=classes)[labels]
    mean = np.average(features, axis=0, weights=weights)
    return float(np.average(((features - mean) ** 2).sum(axis=1), weights=weights))
