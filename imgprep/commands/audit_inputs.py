"""What an audit looks at: the source, or what one of the stages has made of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np

from imgprep.checks.base import Evidence, Finding, Judge, Rule, Severity
from imgprep.checks.exact_duplicates import measure_exactly
from imgprep.checks.label_evidence import Predictions, Review
from imgprep.checks.measurements import Measurements
from imgprep.checks.packed import Fitted, Promise, judge_packed
from imgprep.checks.packed_shards import Inspected, inspected
from imgprep.checks.rules.splits import FOLD
from imgprep.commands.collection import grouping
from imgprep.commands.label_tables import read_predictions, read_review
from imgprep.commands.pipeline import Pipeline
from imgprep.dataset.manifest import Manifest
from imgprep.dataset.records import read_records, usable_records
from imgprep.decoding.decode import DecodeOptions
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.inputs import StageResult
from imgprep.pipeline.runner import RunContext
from imgprep.sources.dataset import Dataset
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.split.allocate import TRAIN_NAME
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import Sample, SampleTable
from imgprep.transforms.normalize import FITTED

LABELS: Final = "label-errors"
COUNTS: Final = ("class-size", "class-balance-mean", "class-balance-max")
DIVISION: Final = ("split-leakage", "split-coverage")
CENTERED: Final = 0.01
"""How far the mean of standardised training images may be from 0: float16 and rounding. Of centred ones, times max."""


class Part(NamedTuple):
    """Images that can be shown.

    Attributes:
        reader: of their source.
        table: what it lists.
        what: the name under which thumbnails are remembered.
    """

    reader: ImageReader
    table: SampleTable
    what: str


@dataclass(frozen=True, slots=True)
class AuditInputs:
    """Evidence, and what it is judged by.

    Attributes:
        evidence: of the images.
        rules: those that have something to say of this stage.
        parts: where the images can be seen.
        counted: what the classes are counted by, when it is not all of the evidence.
        stage: the index of the stage that is looked at; None for the source.
    """

    evidence: Evidence
    rules: Sequence[Judge]
    parts: tuple[Part, ...] = ()
    counted: Evidence | None = None
    stage: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A rule that looks at some of the images only."""

    rule: Judge
    evidence: Evidence

    @property
    def id(self) -> str:
        """Of the rule itself."""
        return self.rule.id

    @property
    def severity(self) -> Severity:
        """Of the rule itself."""
        return self.rule.severity

    @property
    def per_file(self) -> bool:
        """Of the rule itself."""
        return bool(getattr(self.rule, "per_file", False))

    def __call__(self, _: Evidence) -> Iterator[Finding]:
        """What the rule says of them."""
        return self.rule(self.evidence)


@dataclass(frozen=True, slots=True)
class Told:
    """Findings that were made elsewhere, as a rule among the others."""

    findings: tuple[Finding, ...]
    id: ClassVar[str] = "told"
    severity: ClassVar[Severity] = "error"

    def __call__(self, _: Evidence) -> Iterator[Finding]:
        """Gives them."""
        return iter(self.findings)


def of_source(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline, what: str = "source") -> AuditInputs:
    """The source, measured.

    Raises:
        RequestError: a table that the spec names is wrong.
        SourceError: the source is refused as a whole.
    """
    spec, collection = loaded.spec, pipeline.collection
    reader, listed = collection.reader, _belonging(loaded, collection.table)
    review, predictions, descriptor = _about_labels(spec.audit.rules, collection.classes, listed)
    table, measurements = measure_exactly(context, reader, listed, descriptor=descriptor, what=what)
    evidence = Evidence(
        spec.name, table, collection.classes, measurements, review, predictions, target_size=spec.convert.size
    )
    return AuditInputs(evidence, list(spec.audit.rules.values()), (Part(reader, table, what),))


def of_convert(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The converted images, measured; the splits of the source and what was quarantined are there too."""
    spec, written = loaded.spec, pipeline.bring("convert")
    classes = written.manifest.classes
    reader, listed = _listed(written, _splits(written))
    listed = _belonging(loaded, listed)
    review, predictions, descriptor = _about_labels(spec.audit.rules, classes, listed)
    table, measurements = measure_exactly(context, reader, listed, descriptor=descriptor, what="convert")
    evidence = Evidence(spec.name, table, classes, measurements, review, predictions, target_size=spec.convert.size)
    return AuditInputs(
        evidence, list(spec.audit.rules.values()), (Part(reader, table, "convert"),), stage=written.manifest
    )


def of_augment(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The converted images with their splits, and what was made from them: class counts and leakage.

    Raises:
        RequestError: the spec has no augment section.
    """
    spec = loaded.spec
    if not pipeline.has("augment"):
        raise loaded.error(
            "the section is missing, so there is nothing to audit; add it, or leave --stage out", "augment"
        )
    made = pipeline.bring("augment")
    (reader, _, what), divided = _divided(loaded, context, pipeline)
    one, measured = divided.table, divided.measurements
    assert measured is not None
    copy_reader, copies = _listed(made)
    two, measured_copies = measure_exactly(context, copy_reader, copies, what="augment")
    parents = pipeline.images("augment").parents or ()
    evidence = Evidence(
        spec.name,
        SampleTable.of(chain(one, two)),
        made.manifest.classes,
        Measurements.joined([measured, measured_copies]),
        parents=[*[""] * len(one), *parents],
    )
    counted = _counted(evidence)
    rules = [*_counting(spec.audit.rules, counted), *(spec.audit.rules[name] for name in DIVISION)]
    parts = (Part(reader, one, what), Part(copy_reader, two, "augment"))
    return AuditInputs(evidence, rules, parts, counted, made.manifest)


def of_split(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The converted images with the splits that they got: class counts of the training images, leakage and coverage."""
    stage = pipeline.bring("split").manifest
    part, evidence = _divided(loaded, context, pipeline)
    counted = _counted(evidence)
    rules = loaded.spec.audit.rules
    return AuditInputs(
        evidence, [*_counting(rules, counted), *map(rules.__getitem__, DIVISION)], (part,), counted, stage
    )


def of_pack(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The packed dataset: class counts of the training images, its splits, and values and statistics of the shards."""
    spec, written = loaded.spec, pipeline.bring("pack")
    manifest = written.manifest
    shards = list(inspected(context, written.folder, manifest))
    facts = [fact for _, shard in shards for fact in shard.facts]
    train = [shard for split, shard in shards if split == TRAIN_NAME]
    findings = tuple(judge_packed(_promise(manifest, train), facts))
    table = SampleTable.of(_records(written))
    evidence = Evidence(spec.name, table, manifest.classes)
    counted = _counted(evidence)
    part, divided = _divided(loaded, context, pipeline)
    division = [Narrowed(spec.audit.rules[name], divided) for name in DIVISION]
    rules = [*_counting(spec.audit.rules, counted), *division, Told(findings)]
    return AuditInputs(evidence, rules, (part,), counted, manifest)


GATHER: Final[Mapping[str, Callable[[LoadedSpec, RunContext, Pipeline], AuditInputs]]] = MappingProxyType(
    {"source": of_source, "convert": of_convert, "split": of_split, "augment": of_augment, "pack": of_pack}
)


def _belonging(loaded: LoadedSpec, table: SampleTable) -> SampleTable:
    """A table with the groups that the split goes by, without splits that the split stage replaces."""
    given = loaded.spec.split.method_for(any(table.split.counts())) == "predefined"
    split = table.split if given else CategoryColumn.of([""] * len(table))
    return table.with_columns(group=grouping(loaded).column(table), split=split)


def _divided(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> tuple[Part, Evidence]:
    """The converted images, measured, with the splits that the split stage gave them and the groups that it kept."""
    what = "augment-originals"
    written = pipeline.bring("split")
    reader, listed = _listed(pipeline.bring("convert"), _splits(written))
    listed = listed.with_columns(group=grouping(loaded).column(listed))
    table, measurements = measure_exactly(context, reader, listed, what=what)
    evidence = Evidence(loaded.spec.name, table, written.manifest.classes, measurements)
    return Part(reader, table, what), evidence


def _about_labels(
    rules: Mapping[str, Rule], classes: tuple[str, ...], table: SampleTable
) -> tuple[Review | None, Predictions | None, bool]:
    """The review, the predictions, and whether descriptors are needed."""
    rule = rules.get(LABELS)
    if rule is None or rule.severity == "off":
        return None, None, False
    review, predictions, suspects = (getattr(rule, name) for name in ("review", "pred_probs", "suspects"))
    return (
        None if review is None else read_review(review, classes, table),
        None if predictions is None else read_predictions(predictions, classes, table),
        suspects and predictions is None,
    )


def _listed(written: StageResult, splits: Mapping[str, str] = MappingProxyType({})) -> tuple[ImageReader, SampleTable]:
    """A finished stage as a source, with splits by id; what it quarantined is listed after its rows."""
    source = Dataset(written.folder)
    good = (sample._replace(split=splits.get(sample.id, sample.split)) for sample in source.samples())
    bad = (
        Sample(record.id, record.location, record.label or "", status="quarantined", reason=record.reason)
        for record in read_records(written.folder)
        if record.status == "quarantined"
    )
    return ImageReader(source, DecodeOptions()), SampleTable.of(chain(good, bad))


def _splits(written: StageResult) -> dict[str, str]:
    return {sample.id: sample.split for sample in _records(written)}


def _records(written: StageResult) -> Iterator[Sample]:
    for record in usable_records(written.folder):
        yield Sample(record.id, record.location, record.label or "", split=record.split or "")


def _counted(evidence: Evidence) -> Evidence:
    """The training images; of folds all are, one after the other."""
    split = evidence.table.split
    folds = [value for value in split.values if value.startswith(FOLD)]
    rows = np.isin(split.codes, [split.values.index(value) for value in folds or [TRAIN_NAME] if value in split.values])
    return Evidence(evidence.name, evidence.table[np.flatnonzero(rows)], evidence.classes)


def _counting(rules: Mapping[str, Rule], counted: Evidence) -> list[Judge]:
    """The rules about class sizes, over the training images alone."""
    return [Narrowed(rules[name], counted) for name in COUNTS]


def _promise(manifest: Manifest, train: Sequence[Inspected]) -> Promise:
    """What the index says."""
    normalization = manifest.normalization or {}
    kind = str(normalization.get("kind", "none"))
    values = {
        "none": (0.0, float(normalization.get("max", 255))),
        "unit": (0.0, 1.0),
        "symmetric": (-1.0, 1.0),
        "minmax": (0.0, 1.0),
    }.get(kind)
    fitted = _fitted(normalization, train) if kind in FITTED else None
    image = manifest.image
    counts = {split: count for split, count in manifest.counts.items() if split in manifest.splits()}
    return Promise(manifest.classes, counts, image.dtype if image else "", values, fitted)


def _fitted(normalization: Mapping[str, Any], train: Sequence[Inspected]) -> Fitted:
    """What the statistics were taken of: it has a mean of 0 now."""
    wanted = normalization.get("statistics", "all")  # earlier datasets do not say it, and counted copies
    sums = [shard.originals for shard in train]
    if wanted == "all":
        sums += [shard.copies for shard in train]
    mean = sum(total for total, _ in sums) / max(1, sum(count for _, count in sums))
    scale = float(normalization.get("max", 255)) if str(normalization["kind"]).startswith("center") else 1.0
    return Fitted(str(wanted), mean, abs(mean) <= CENTERED * scale)
