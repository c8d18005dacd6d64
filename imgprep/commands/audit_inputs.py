"""The evidence of an audit: from the source, or from the output of a stage."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from imgprep.checks.base import UNLABELLED, Evidence, Rule
from imgprep.checks.exact_duplicates import measure_exactly
from imgprep.checks.groups import rows_of
from imgprep.checks.label_evidence import Predictions, Review
from imgprep.checks.measurements import Measurements
from imgprep.checks.network_features import NetworkFeatures
from imgprep.checks.packed_shards import read_packed
from imgprep.checks.rules.splits import FOLD
from imgprep.commands.collection import grouping
from imgprep.commands.label_tables import read_predictions, read_review
from imgprep.commands.pipeline import Pipeline
from imgprep.dataset.manifest import Manifest
from imgprep.dataset.records import read_records, usable_records
from imgprep.decoding.format_header import DecodeOptions
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.inputs import StageResult
from imgprep.pipeline.runner import RunContext
from imgprep.sources.dataset import Dataset
from imgprep.spec.loading import LoadedSpec
from imgprep.stages.split.allocate import TRAIN_NAME
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import Sample, SampleTable

LABELS: Final = "label-errors"


class ImageSource(NamedTuple):
    """A place from which images of the evidence can be read.

    Attributes:
        reader: of their source.
        table: what it lists.
        name: under which their thumbnails are cached.
        measurements: of each row of the table.
    """

    reader: ImageReader
    table: SampleTable
    name: str
    measurements: Measurements


@dataclass(frozen=True, slots=True)
class AuditInputs:
    """The evidence that an audit judges.

    Attributes:
        evidence: of the images.
        images: where the images can be read.
        stage: the index of the judged stage; None for the source.
    """

    evidence: Evidence
    images: tuple[ImageSource, ...] = ()
    stage: Manifest | None = None


def of_source(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline, name: str = "source") -> AuditInputs:
    """The source, measured.

    Raises:
        RequestError: a table that the spec names is wrong.
        SourceError: the source is refused as a whole.
    """
    spec, collection = loaded.spec, pipeline.collection
    reader, listed = collection.reader, _belonging(loaded, collection.table)
    decided, labelled = collection.decided, spec.source.source.labelled
    about = _about_labels(spec.audit.rules, collection.classes, listed) if labelled else (None, None, False)
    review, predictions, descriptor = about
    candidates = listed if decided is None else decided.as_listed(listed)
    if pipeline.converts:
        from imgprep.commands.one_visit import visit

        visit(context, pipeline, candidates, descriptor=descriptor)
    table, measurements = measure_exactly(context, reader, candidates, descriptor=descriptor, what=name)
    table = table if decided is None else decided.without_excluded(table)
    evidence = Evidence(
        spec.name,
        table,
        collection.classes if labelled else (UNLABELLED,),
        measurements,
        review,
        predictions,
        target_size=spec.convert.size,
        decided=decided,
        labelled=labelled,
    )
    return AuditInputs(evidence, (ImageSource(reader, table, name, measurements),))


def of_listing(loaded: LoadedSpec, pipeline: Pipeline) -> Evidence:
    """The source as it is listed, not one image decoded."""
    collection, labelled = pipeline.collection, loaded.spec.source.source.labelled
    classes = collection.classes if labelled else (UNLABELLED,)
    return Evidence(loaded.spec.name, _belonging(loaded, collection.table), classes, labelled=labelled)


def of_convert(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The converted images, measured; the splits of the source and what was quarantined are there too."""
    spec, written = loaded.spec, pipeline.bring("convert")
    classes = written.manifest.classes
    reader, listed = _listed(written, _splits(written))
    listed = _belonging(loaded, listed)
    review, predictions, descriptor = _about_labels(spec.audit.rules, classes, listed)
    table, measurements = measure_exactly(context, reader, listed, descriptor=descriptor, what="convert")
    evidence = Evidence(
        spec.name,
        table,
        classes,
        measurements,
        review,
        predictions,
        target_size=spec.convert.size,
        stage="convert",
        decided=pipeline.decided,
    )
    return AuditInputs(evidence, (ImageSource(reader, table, "convert", measurements),), written.manifest)


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
    originals, divided = _divided(loaded, context, pipeline)
    assert divided.measurements is not None
    reader, listed = _listed(made)
    table, measurements = measure_exactly(context, reader, listed, what="augment")
    parents = pipeline.images("augment").parents or ()
    both = SampleTable.of(chain(originals.table, table))
    evidence = Evidence(
        spec.name,
        both,
        made.manifest.classes,
        Measurements.joined([divided.measurements, measurements]),
        parents=[*[""] * len(originals.table), *parents],
        stage="augment",
        training=_training(both, made.manifest.classes),
        decided=pipeline.decided,
    )
    return AuditInputs(evidence, (originals, ImageSource(reader, table, "augment", measurements)), made.manifest)


def of_split(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The converted images with the splits that they got: class sizes of the training images, leakage and coverage."""
    stage = pipeline.bring("split").manifest
    images, evidence = _divided(loaded, context, pipeline)
    training = _training(evidence.table, evidence.classes)
    return AuditInputs(replace(evidence, stage="split", training=training), (images,), stage)


def of_pack(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The packed dataset: class sizes of the training images, its splits, and values and statistics of the shards."""
    written = pipeline.bring("pack")
    manifest = written.manifest
    training = _training(SampleTable.of(_records(written)), manifest.classes)
    packed = read_packed(context, written.folder, manifest)
    images, evidence = _divided(loaded, context, pipeline)
    return AuditInputs(replace(evidence, stage="pack", training=training, packed=packed), (images,), manifest)


def of_features(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> AuditInputs:
    """The converted images with their splits, and what the network says of each; copies are left out.

    Raises:
        RequestError: the spec has no features section.
    """
    if not pipeline.has("features"):
        raise loaded.error(
            "the section is missing, so there is nothing to audit; add it, or leave --stage out", "features"
        )
    written = pipeline.bring("features")
    images, evidence = _divided(loaded, context, pipeline)
    review, predictions, _ = _about_labels(loaded.spec.audit.rules, evidence.classes, evidence.table)
    features = _features(written, evidence.table)
    labelled = replace(evidence, stage="features", review=review, predictions=predictions, features=features)
    return AuditInputs(labelled, (images,), written.manifest)


def _features(written: StageResult, table: SampleTable) -> NetworkFeatures | None:
    """The features of the originals in a table; None where no split has any."""
    ids, parts = list[str](), []
    for split in written.manifest.splits():
        loaded = written.load(split)
        ids += loaded.ids
        parts.append(loaded.arrays()[0])
    rows = rows_of(table.id, ids)
    order = np.argsort(rows, kind="stable")[int((rows < 0).sum()) :]  # copies are in no row
    return NetworkFeatures(rows[order], np.concatenate(parts)[order]) if parts else None


GATHER: Final[Mapping[str, Callable[[LoadedSpec, RunContext, Pipeline], AuditInputs]]] = MappingProxyType(
    {
        "source": of_source,
        "convert": of_convert,
        "split": of_split,
        "augment": of_augment,
        "pack": of_pack,
        "features": of_features,
    }
)


def _belonging(loaded: LoadedSpec, table: SampleTable) -> SampleTable:
    """A table with the groups that the split goes by, without splits that the split stage replaces."""
    given = loaded.spec.split.method_for(any(table.split.counts())) == "predefined"
    split = table.split if given else CategoryColumn.of([""] * len(table))
    return table.with_columns(group=grouping(loaded).column(table), split=split)


def _divided(loaded: LoadedSpec, context: RunContext, pipeline: Pipeline) -> tuple[ImageSource, Evidence]:
    """The converted images, measured, with the splits that the split stage gave them and the groups that it kept."""
    name = "augment-originals"
    written = pipeline.bring("split")
    reader, listed = _listed(pipeline.bring("convert"), _splits(written))
    listed = listed.with_columns(group=grouping(loaded).column(listed))
    table, measurements = measure_exactly(context, reader, listed, what=name)
    evidence = Evidence(loaded.spec.name, table, written.manifest.classes, measurements, decided=pipeline.decided)
    return ImageSource(reader, table, name, measurements), evidence


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


def _training(table: SampleTable, classes: tuple[str, ...]) -> dict[str, int]:
    """The training images of each class; all images of folds, which take turns."""
    split = table.split
    folds = [value for value in split.values if value.startswith(FOLD)]
    rows = np.isin(split.codes, [split.values.index(value) for value in folds or [TRAIN_NAME] if value in split.values])
    return Evidence("", table[np.flatnonzero(rows)], classes).counts
