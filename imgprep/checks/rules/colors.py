"""The rule about colours, as a table of the images says them or as they are measured."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.checks.base import Compared, Evidence, Finding, Rule, Severity, Share, Table, percent
from imgprep.checks.rules.attributes import Rows, bounded

HUES: Final = (
    (15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (260, "blue"), (290, "purple"),
    (345, "pink"), (360, "red"),
)  # fmt: skip
"""Where each colour ends, in degrees."""
COLORS: Final = tuple(dict.fromkeys(name for _, name in HUES))
_ENDS: Final = tuple(end for end, _ in HUES)
_NAMES: Final = tuple(name for _, name in HUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorShare(Rule):
    """Each distinct colour of a class is at least 10 % of the class (Handbook, part 5, common practice 2).

    Without the column, the dominant hue of what stands out from the border is measured: the report has a table of the
    shares, and a single warning names the classes in which a colour is rare.

    Why:
        A model that saw a class almost only in one colour takes the colour for the class.

    Fix:
        Collect images in the rare colours, or augment hue and saturation; tell colours in a column of
        source.attributes, which are surer than measured ones.

    Off:
        Where color says nothing about the class, or is the class itself, and where images are grey.

    Attributes:
        attribute: the column with the colour.
        min: the smallest sufficient share of each colour.
        measured_severity: the severity when the colour was measured; with error each class has a finding of its own.
        noise: a measured colour under this share is taken for an error of measurement.
    """

    id: ClassVar[str] = "color-share"
    source: ClassVar[str] = "Handbook, part 5 (colors)"
    needs_labels: ClassVar[bool] = True
    attribute: str = "color"
    min: Share = 0.1
    measured_severity: Severity = "warning"
    noise: Share = 0.02

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges each class by its least common colour."""
        annotated = self.attribute in evidence.table.attributes
        if not annotated and evidence.measurements is None:
            yield self.skip(f"no colours: the column {self.attribute} of source.attributes supplies them")
            return
        rule = self if annotated else replace(self, severity=self.measured_severity)
        if rule.severity == "off":
            yield self.skip("measured_severity is off, and there is no column of colours")
            return
        if not any(evidence.counts.values()):
            yield rule.finding("inconclusive", "no class has a usable image")
        for label, name in enumerate(evidence.classes):
            rows = evidence.rows(label)
            if len(rows):
                yield rule.judge(evidence, name, rows) if annotated else rule.judge_measured(evidence, name, rows)

    def judge(self, evidence: Evidence, name: str, rows: Rows) -> Finding:
        """Judges a class by its annotated colours."""
        values = [value.casefold() for value in evidence.attribute(self.attribute, rows) or ()]
        return self._least(evidence, name, rows, values)

    def judge_measured(self, evidence: Evidence, name: str, rows: Rows) -> Finding:
        """Judges a class by the measured colours of the images that have one."""
        rows, colors = self._measured(evidence, rows)
        if not colors:
            return self.finding("skipped", f"{name}: no colour can be measured in greyscale", name)
        finding = self._least(evidence, name, rows, colors)
        return replace(finding, message=f"{finding.message} (measured from pixels)")

    def table(self, evidence: Evidence) -> Table | None:
        """The measured shares of each class: a measurement is looked at, where a column would be judged."""
        if self.attribute in evidence.table.attributes or evidence.measurements is None:
            return None
        if "off" in {self.severity, self.measured_severity}:
            return None
        counted: dict[str, Counter[str]] = {}
        for label, name in enumerate(evidence.classes):
            counts = Counter(self._measured(evidence, evidence.rows(label))[1])
            if counts:
                counted[name] = counts
        if not counted:
            return None
        there = [color for color in COLORS if any(color in counts for counts in counted.values())]
        rows = []
        for name, counts in counted.items():
            images = counts.total()
            rows.append((name, images, *(counts[color] / images if color in counts else None for color in there)))
        return Table(
            title="colours measured from pixels, as shares of the images of a class that have one",
            columns=("class", "images", *there),
            rows=tuple(rows),
            least=self.min,
            concern=f"a colour is on less than {percent(self.min)} of the images, measured from pixels",
        )

    def _measured(self, evidence: Evidence, rows: Rows) -> tuple[Rows, list[str]]:
        """The images among some of which the colour was measured, and it; without what is taken for an error."""
        measured = evidence.measurements
        rows = rows[evidence.measured[rows]]
        names = [] if measured is None else hue_names(measured.at(rows).numbers("hue"))
        common = {name for name, count in Counter(names).items() if name and count / len(names) >= self.noise}
        kept = np.array([name in common for name in names], bool)
        return rows[kept], [name for name in names if name in common]

    def _least(self, evidence: Evidence, name: str, rows: Rows, values: list[str]) -> Finding:
        counts = Counter(value for value in values if value)
        if not counts:
            missing = f"{name}: no image has a colour in the column {self.attribute}"
            return self.finding("skipped", missing, name)
        total, unknown = len(values), len(values) - sum(counts.values())
        least = min(counts, key=lambda color: (counts[color], color))
        status = bounded(counts[least], unknown, total, self.min)
        few = [color for color in sorted(counts) if counts[color] / total < self.min]
        told = few if status != "pass" else [least]
        message = f"{name}: " + ", ".join(f"{counts[color]} of {total} are {color}" for color in told)
        message += f"; each colour needs {percent(self.min)}"
        if status == "inconclusive":
            message += f"; {unknown} images have no colour in the column {self.attribute}"
        chosen = np.array([status != "pass" and value in few for value in values], bool)
        compared = Compared(counts[least] / total, self.min)
        return self.finding(status, message, name, compared, evidence.ids(rows[chosen]))


def hue_names(hues: Sequence[float] | NDArray[np.floating]) -> list[str]:
    """The names of hues in degrees; '' for none.

    >>> hue_names([5, 120, 355, -1])
    ['red', 'green', 'red', '']
    """
    places = np.searchsorted(_ENDS, np.asarray(hues, np.float64)).tolist()
    return [_NAMES[place] if hue >= 0 else "" for place, hue in zip(places, hues, strict=True)]
