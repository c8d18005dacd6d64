"""Rules about what the attributes table says of the images: Handbook, part 5, "Too Few Images Overall"."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Compared, Evidence, Finding, Rule, Severity, Share, Status, percent
from imgprep.errors import one_line

Rows = NDArray[np.intp]
KNOWN: Final = frozenset({"id", "location", "color", "state", "lighting", "perspective", "group", "license", "split"})
"""Columns that are no secondary feature, whatever they hold."""
YES: Final = frozenset({"yes", "true", "1", "y", "with", "present"})
NO: Final = frozenset({"no", "false", "0", "n", "without", "absent"})


def bounded(count: int, unknown: int, total: int, least: float) -> Status:
    """Returns whether a part is at least a share of the whole, when nothing is said of some images.

    It passes when the known images suffice, and fails when all unknown ones could not help.

    >>> bounded(100, 0, 1000, 0.1), bounded(99, 1, 1000, 0.1), bounded(98, 1, 1000, 0.1)
    ('pass', 'inconclusive', 'fail')
    """
    if count / total >= least:
        return "pass"
    return "fail" if (count + unknown) / total < least else "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondaryFeature(Rule):
    """Images with and without each optional feature are at least 5 % each (Handbook, part 5, common practice 3).

    Why:
        A feature that always goes with a class, such as a stem, becomes what a model knows the class by.

    Fix:
        Collect images with and without the feature, until each is at least the smallest share.

    Off:
        Where a feature belongs to the class, so that an image without it would be a wrong one: leave that column out of
        features.

    Attributes:
        features: the columns, with yes or no in them; by default all columns that hold nothing else.
        min: the smallest sufficient share of either.
    """

    id: ClassVar[str] = "secondary-feature"
    source: ClassVar[str] = "Handbook, part 5 (secondary features)"
    needs_labels: ClassVar[bool] = True
    features: tuple[str, ...] | None = None
    min: Share = 0.05

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges each feature in each class that it is recorded for."""
        features = self.features if self.features is not None else _boolean_columns(evidence)
        if not features:
            yield self.skip("no column of source.attributes holds yes and no; such a column supplies the feature")
        for feature in features:
            if feature not in evidence.table.attributes:
                yield self.skip(f"the column {feature} of source.attributes supplies this feature; there is none")
                continue
            for label, name in enumerate(evidence.classes):
                rows = evidence.rows(label)
                values = [value.casefold() for value in evidence.attribute(feature, rows) or ()]
                if any(values):
                    yield self._judge(evidence, f"{name}: {feature}", rows, values)

    def _judge(self, evidence: Evidence, what: str, rows: Rows, values: list[str]) -> Finding:
        present = np.array([value in YES for value in values])
        absent = np.array([value in NO for value in values])
        total, count = len(values), min(int(present.sum()), int(absent.sum()))
        unknown = total - int(present.sum()) - int(absent.sum())
        status = bounded(count, unknown, total, self.min)
        numbers = f"{int(present.sum())} with and {int(absent.sum())} without of {total}"
        message = f"{what}: {numbers}; at least {percent(self.min)} of each are needed"
        if status == "inconclusive":
            message += f"; of {unknown} images nothing is recorded"
        rarer = present if present.sum() <= absent.sum() else absent
        samples = evidence.ids(rows[rarer]) if status != "pass" else ()
        subject = evidence.classes[int(evidence.labels[rows[0]])]
        return self.finding(status, message, subject, Compared(count / total, self.min), samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progression(Rule):
    """Images in any state but the base state are at least 20 % together (Handbook, part 5, common practice 4).

    Why:
        Things that change, as fruit ripens, are met in every state; a model that saw one state misses the others.

    Fix:
        Collect images in the rarer states, or say with base which state is the usual one.

    Off:
        Where the states are classes of their own, or the application meets the base state only.

    Attributes:
        attribute: the column with the state (ripe, spoiled, sliced ...).
        base: the base state; by default the most frequent one of each class, which a finding that fails says, for with
            another base it would pass.
        min: the smallest sufficient share of the others together.
    """

    id: ClassVar[str] = "progression"
    source: ClassVar[str] = "Handbook, part 5 (progression in state)"
    needs_labels: ClassVar[bool] = True
    attribute: str = "state"
    base: str | None = None
    min: Share = 0.2

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges each class that states are recorded for."""
        column = evidence.table.attributes.get(self.attribute)
        if column is None or not any(value.strip() for value in column.counts()):
            yield self.skip(f"no states: the column {self.attribute} of source.attributes supplies them")
            return
        states = sorted({value.strip().casefold() for value in column.counts()} - {""})
        if self.base is not None and self.base.casefold() not in states:
            there = one_line(", ".join(states), 120)
            yield self.finding("inconclusive", f"no image is in the base state {self.base}; there are: {there}")
            return
        for label, name in enumerate(evidence.classes):
            rows = evidence.rows(label)
            values = [value.casefold() for value in evidence.attribute(self.attribute, rows) or ()]
            counts = Counter(value for value in values if value)
            if not counts:
                continue
            base = self.base.casefold() if self.base is not None else min(counts, key=lambda s: (-counts[s], s))
            known = sum(counts.values())
            others = known - counts[base]
            status = bounded(others, len(values) - known, len(values), self.min)
            message = f"{name}: {others} of {len(values)} are in a state other than {base}"
            message += f"; at least {percent(self.min)} are needed"
            if status == "inconclusive":
                message += f"; {len(values) - known} images have no state in the column {self.attribute}"
            if self.base is None and status != "pass":
                message += f"; no base is given, so the most frequent state, {base}, was taken, and the finding "
                message += "depends on it: set base to the state that the others progress from"
            moved = np.array([bool(value) and value != base for value in values])
            samples = evidence.ids(rows[moved]) if status != "pass" else ()
            yield self.finding(status, message, name, Compared(others / len(values), self.min), samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoneClass(Rule):
    """A class of images that show none of the classes exists (Handbook, part 5: "one additional label as *not any*").

    Why:
        A model without such a class has to answer with one of its classes, whatever it is shown.

    Fix:
        Add a class of images that show none of the others but might be met where the model is used; or set the severity
        to off. It is an info unless the spec sets a severity: many a model is asked about its classes only.

    Off:
        Where the application never shows the model anything else, or uses a score to refuse an answer.

    Attributes:
        names: what it may be called; case, blanks, dashes and underscores do not matter.
    """

    id: ClassVar[str] = "none-class"
    source: ClassVar[str] = "Handbook, part 5 (the class not any)"
    needs_labels: ClassVar[bool] = True
    severity: Severity = "info"
    names: tuple[str, ...] = ("not any", "none", "none of these", "other", "others", "negative", "unknown")

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Looks for a class of one of the names that has images."""
        wanted = {_plain(name) for name in self.names}
        for name, count in evidence.counts.items():
            if count and _plain(name) in wanted:
                yield self.finding("pass", f"{name} has {count} images of no class", None, Compared(count, 1))
                return
        message = (
            f"no class has images that show none of the others; add one, named for example {next(iter(self.names), '')}"
        )
        yield self.finding("fail", message, None, Compared(0, 1))


def _boolean_columns(evidence: Evidence) -> tuple[str, ...]:
    found = []
    for name, column in evidence.table.attributes.items():
        values = {value.strip().casefold() for value in column.counts()} - {""}
        if name.casefold() not in KNOWN and values and values <= YES | NO:
            found.append(name)
    return tuple(found)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
