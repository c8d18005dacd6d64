"""Rules about how images of a class differ: Handbook, part 5 on perspective and lighting conditions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Ge

from imgprep.checks.base import Compared, Count, Evidence, Finding, Rule, Severity, Share, percent, verdict
from imgprep.checks.measurements import Measurements

ENOUGH: Final = 10
"""A class with fewer images says nothing about variation."""
BUCKETS: Final = ((0.25, "dim"), (0.45, "dusk"), (0.65, "indoor light"), (1.01, "daylight"))
"""Mean luminance under which an image counts for a bucket; the names only tell the buckets apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lighting(Rule):
    """Every class has images in several lighting conditions (Handbook, part 5, "Insufficient ... Lighting Conditions").

    Why:
        A model trained in daylight alone fails at dusk.

    Fix:
        Collect images in other light, or augment brightness and gamma.

    Off:
        Where the light is always the same, as under a scanner, a microscope or the lamps of a belt.

    Attributes:
        attribute: the column with the condition: daylight, dusk, indoor bright, indoor dim; else luminance is measured.
        min_conditions: how many conditions a class needs.
        min: the share of the class from which on a condition counts.
    """

    id: ClassVar[str] = "lighting"
    source: ClassVar[str] = "Handbook, part 5 (lighting)"
    needs_labels: ClassVar[bool] = True
    severity: Severity = "warning"
    attribute: str = "lighting"
    min_conditions: Annotated[int, Ge(1)] = 2
    min: Share = 0.05

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Counts the conditions of each class."""
        if self.attribute not in evidence.table.attributes and evidence.measurements is None:
            yield self.skip(f"no conditions: the column {self.attribute} of source.attributes supplies them")
            return
        for label, name in enumerate(evidence.classes):
            rows = evidence.rows(label)
            values = [value.casefold() for value in evidence.attribute(self.attribute, rows) or () if value]
            how = "annotated"
            if not values and evidence.measurements is not None:
                means = evidence.measurements.at(rows[evidence.measured[rows]]).numbers("mean")
                values, how = [_bucket(mean) for mean in means.tolist()], "measured from luminance"
            if len(values) < ENOUGH:
                yield self.finding("inconclusive", f"{name}: fewer than {ENOUGH} images say something of light", name)
                continue
            yield _conditions(self, name, values, (self.min_conditions, self.min, f"lighting conditions, {how}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Perspective(Rule):
    """Every class varies in viewpoint, scale and position (Handbook, part 5, "Insufficient Variation in Perspective").

    Without the column, position and scale of what stands out from the border are measured; the viewpoint is not.

    Why:
        An object that is always in the middle and of one size is recognised only there.

    Fix:
        Collect images from other angles and distances, or augment with shifts, rotations and scales.

    Off:
        Where the camera and the object are fixed, or all pictures are centred by an earlier step that the application
        has too.

    Attributes:
        attribute: the column with the perspective.
        min_perspectives: how many annotated perspectives a class needs.
        min: the share of the class from which on a perspective counts.
        position: the smallest sufficient deviation of the centre, as a fraction of the image.
        scale: the smallest sufficient deviation of the size, as a fraction of the mean size.
    """

    id: ClassVar[str] = "perspective"
    source: ClassVar[str] = "Handbook, part 5 (variation in perspective)"
    needs_labels: ClassVar[bool] = True
    severity: Severity = "warning"
    attribute: str = "perspective"
    min_perspectives: Count = 2
    min: Share = 0.05
    position: Share = 0.02
    scale: Share = 0.05

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges the annotated or the measured variation of each class."""
        if self.attribute not in evidence.table.attributes and evidence.measurements is None:
            yield self.skip(f"no perspectives: the column {self.attribute} of source.attributes supplies them")
            return
        for label, name in enumerate(evidence.classes):
            rows = evidence.rows(label)
            values = [value.casefold() for value in evidence.attribute(self.attribute, rows) or () if value]
            if values:
                yield _conditions(self, name, values, (self.min_perspectives, self.min, "perspectives, annotated"))
            elif evidence.measurements is not None:
                yield from self._measured(name, evidence.measurements.at(rows[evidence.measured[rows]]))

    def _measured(self, name: str, measured: Measurements) -> Iterator[Finding]:
        seen = measured.at(measured["scale"] > 0)
        if len(seen) < max(ENOUGH, len(measured) // 2):
            message = f"{name}: too few images have something that stands out from the border"
            yield self.finding("inconclusive", message, name)
            return
        x, y, scale = (seen.numbers(column) for column in ("x", "y", "scale"))
        position = round(float(np.hypot(x.std(), y.std())), 6)
        size = round(float(scale.std() / scale.mean()), 6)
        moved = f"{name}: the position of the object varies by {percent(position)} of the image"
        sized = f"{name}: the size of the object varies by {percent(size)}"
        needed = "at least {} is needed (measured from pixels; the viewpoint is not)"
        status = verdict(position >= self.position)
        compared = Compared(position, self.position)
        yield self.finding(status, f"{moved}; {needed.format(percent(self.position))}", name, compared)
        status = verdict(size >= self.scale)
        yield self.finding(status, f"{sized}; {needed.format(percent(self.scale))}", name, Compared(size, self.scale))


def _conditions(rule: Rule, name: str, values: list[str], needed: tuple[int, float, str]) -> Finding:
    least, share, what = needed
    counts = Counter(values)
    enough = [value for value, count in counts.items() if count / len(values) >= share]
    numbers = ", ".join(f"{count} {value}" for value, count in counts.most_common(6))
    message = f"{name}: {what}: {len(enough)} ({numbers}); {least} of at least {percent(share)} are needed"
    return rule.finding(verdict(len(enough) >= least), message, name, Compared(len(enough), least))


def _bucket(mean: float) -> str:
    return next(name for end, name in BUCKETS if mean < end)
