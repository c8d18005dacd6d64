"""Evidence, findings, rules and the report of an audit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Final, NamedTuple, Protocol

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from imgprep.checks.label_evidence import Predictions, Review
from imgprep.checks.measurements import Measurements, SmallImages
from imgprep.checks.network_features import NetworkFeatures
from imgprep.checks.packed import Packed
from imgprep.checks.report import Finding, Report, Severity, Status, Table, Value
from imgprep.pipeline.decided import Decided
from imgprep.similarity.alike import Altered, altered_copies
from imgprep.table.sample import SampleTable

__all__ = [
    "ALL_STAGES",
    "FLAT",
    "NOTHING",
    "REPORT_VERSION",
    "UNLABELLED",
    "WHOLE_COLLECTION",
    "Compared",
    "Count",
    "Evidence",
    "Finding",
    "Judge",
    "Report",
    "Rule",
    "Severity",
    "Share",
    "Status",
    "Table",
    "Value",
    "percent",
    "verdict",
]

Share = Annotated[float, Ge(0), Le(1)]
"""A fraction of the images of a class, 0 to 1."""
Count = Annotated[int, Ge(0)]

REPORT_VERSION: Final = 1
ALL_STAGES: Final = frozenset({"source", "convert", "split", "augment", "pack"})
WHOLE_COLLECTION: Final = frozenset({"source", "convert"})
"""The stages in which all images of the collection are judged, not what became of them."""
UNLABELLED: Final = "all images"
"""Stands in the place of a class where the images have no labels."""
FLAT: Final = 0.02
"""Images of less luminance deviation than this look all alike; exposure and blur speak of them."""


class Compared(NamedTuple):
    """An observed value and the threshold that it was compared with."""

    observed: Value = None
    threshold: Value = None


NOTHING: Final = Compared()


@dataclass(frozen=True)
class Evidence:
    """The input of every rule.

    Attributes:
        name: the name of the collection.
        table: every candidate in source order with its *final* status: what cannot be decoded is ``quarantined``.
        classes: in index order, classes without any image included.
        measurements: one row for each row of the table; None when nothing was measured.
        review: the review table of the spec.
        predictions: for the suspects of ``label-errors``.
        target_size: (height, width) that convert will make; None keeps the size.
        parents: the id of the original of each row ('' for originals); None when nothing is augmented.
        stage: that is judged; ``source`` for the collection as it is.
        training: images of each class that are trained on; None when there are no splits to decide that yet.
        packed: the packed dataset that is judged.
        features: what a network says of the images; None without a stage that asked it.
        reference: the earlier, or another, collection that this one is compared with.
        decided: what decisions did to the collection; None without any.
        labelled: whether the images have labels; without, all of them are of one class, `UNLABELLED`.
    """

    name: str
    table: SampleTable
    classes: tuple[str, ...]
    measurements: Measurements | None = None
    review: Review | None = None
    predictions: Predictions | None = None
    target_size: tuple[int, int] | None = None
    parents: Sequence[str] | None = None
    stage: str = "source"
    training: Mapping[str, int] | None = None
    packed: Packed | None = None
    features: NetworkFeatures | None = None
    reference: "Evidence | None" = None
    decided: Decided | None = None
    labelled: bool = True

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """(N,) int32 class index of each usable image; -1 for rows that are not usable or have no class."""
        index = {name: code for code, name in enumerate(self.classes if self.labelled else ("",))}
        lookup = np.array([index.get(value, -1) for value in self.table.label.values] or [-1], np.int32)
        codes = lookup[self.table.label.codes]
        return np.where(self.table.ok(), codes, np.int32(-1)).astype(np.int32)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Usable images of each class."""
        usable = self.labels[self.labels >= 0]
        return dict(zip(self.classes, np.bincount(usable, minlength=len(self.classes)).tolist(), strict=True))

    @property
    def class_sizes(self) -> Mapping[str, int]:
        """Images of each class that a model is trained on: those of training splits, else all usable ones."""
        return self.counts if self.training is None else self.training

    @cached_property
    def measured(self) -> NDArray[np.bool_]:
        """(N,) which usable rows have measurements."""
        if self.measurements is None:
            return np.zeros(len(self.table), bool)
        return (self.labels >= 0) & self.measurements.valid

    @cached_property
    def visible(self) -> NDArray[np.intp]:
        """Row numbers of the measured images that have something to see."""
        if self.measurements is None:
            return np.zeros(0, np.intp)
        return np.flatnonzero(self.measured & (self.measurements["spread"] >= FLAT))

    @cached_property
    def altered(self) -> Altered | None:
        """The visible images that are mirrored, turned or cropped copies of others; see `altered_copies`."""
        if self.measurements is None:
            return None
        hashes = self.measurements["hash"].astype(np.uint64)
        return altered_copies(SmallImages(self.measurements), hashes, self.visible)

    def rows(self, label: int) -> NDArray[np.intp]:
        """Row numbers of the usable images of a class."""
        order, ends = self._by_class
        return order[ends[label] : ends[label + 1]]

    def measured_rows(self, label: int) -> NDArray[np.intp]:
        """Row numbers of the measured images of a class."""
        rows = self.rows(label)
        return rows[self.measured[rows]]

    @cached_property
    def _by_class(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """All rows ordered by class, and where in them each class begins: to look for each of 70,000 takes minutes."""
        order = np.argsort(self.labels, kind="stable")
        return order, np.searchsorted(self.labels[order], np.arange(len(self.classes) + 1))

    def ids(self, rows: NDArray[np.integer]) -> tuple[str, ...]:
        """The ids of rows."""
        return tuple(map(self.table.id.__getitem__, rows.tolist()))

    def attribute(self, name: str, rows: NDArray[np.integer]) -> list[str] | None:
        """The values of an attribute in these rows, '' where there is none; None when no image has the attribute."""
        column = self.table.attributes.get(name)
        return None if column is None else [value.strip() for value in column[rows]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: its parameters are its fields; calling it judges evidence.

    A rule yields a finding for every class that it looks at, passing ones too. A rule of a user subclasses this one,
    is any dataclass with an ``id``, a ``severity`` and a ``__call__``, or has no settings: see `plain_rules.PlainRule`.

    Attributes:
        severity: of its failures: a failed error makes the audit fail, off leaves the rule out.
    """

    id: ClassVar[str]
    source: ClassVar[str]
    per_file: ClassVar[bool] = False
    """Whether each of the samples of a finding is an offence of its own, that can be waived by its name."""
    together: ClassVar[bool] = False
    """Whether the samples of a finding offend together, as copies do: they are settled when all are kept."""
    stages: ClassVar[frozenset[str]] = WHOLE_COLLECTION
    """The stages that it judges."""
    needs_labels: ClassVar[bool] = False
    """Whether it can judge nothing where the images have no labels."""

    severity: Severity = "error"

    def applies(self, evidence: Evidence) -> bool:
        """Returns whether it judges the stage that the evidence is of."""
        return evidence.stage in self.stages

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        """Judges the evidence."""
        raise NotImplementedError

    def table(self, evidence: Evidence) -> Table | None:
        """Measurements of each class, for people to look at; None where there is nothing besides the verdicts."""
        del evidence
        return None

    def finding(
        self,
        status: Status,
        message: str,
        subject: str | None = None,
        compared: Compared = NOTHING,
        samples: tuple[str, ...] = (),
    ) -> Finding:
        """A finding of this rule."""
        observed, threshold = compared
        return Finding(self.id, status, self.severity, subject, observed, threshold, message, samples, self.source)

    def skip(self, missing: str) -> Finding:
        """The finding of a rule without its evidence; ``missing`` names the key that supplies it."""
        return self.finding("skipped", missing)


class Judge(Protocol):
    """Judges evidence: a `Rule`, or a `plain_rules.PlainRule`."""

    @property
    def id(self) -> str:
        """Names its findings."""
        ...

    @property
    def severity(self) -> Severity:
        """The severity of its failures."""
        ...

    def __call__(self, evidence: Evidence, /) -> Iterator[Finding]:
        """Judges the evidence."""
        ...


def verdict(good: bool) -> Status:
    """The status of a rule that can decide."""
    return "pass" if good else "fail"


def percent(share: float) -> str:
    """A share for people.

    >>> percent(0.0456), percent(0.2)
    ('4.6 %', '20 %')
    """
    return f"{round(100 * share, 1):g} %"
