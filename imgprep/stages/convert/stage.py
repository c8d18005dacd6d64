"""convert: decodes, resizes and pre-processes the images of any source into 8- or 16-bit shards."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from imgprep.dataset.manifest import MASKED, Manifest, decisions_key, fingerprint
from imgprep.dataset.record_edits import are_usable, with_flags
from imgprep.dataset.row_format import ImageFormat
from imgprep.dataset.targets import ALL, described
from imgprep.errors import RequestError
from imgprep.pipeline.plan import ShardPlan, ShardRecord, cut, plan_digest, shard_count, shard_names
from imgprep.pipeline.reuse import RowSettings, reusable, reusing
from imgprep.pipeline.runner import RunContext, commit_stage, entries, make_shards, part_lines, parts, results
from imgprep.pipeline.versions import recorded_versions
from imgprep.pipeline.writer import ShardWriter, explained
from imgprep.stages.convert.collection_flags import collection_flags, label_conflicts
from imgprep.stages.convert.dark_levels import dark_note
from imgprep.stages.convert.job import ConvertJob
from imgprep.stages.convert.known_rows import row_keys
from imgprep.stages.convert.prepare import Prepare, Probe
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.table.label_type import label_dtype
from imgprep.table.sample import SampleTable
from imgprep.table.targets import Target, of_rows
from imgprep.util.background import in_background
from imgprep.util.quantity import quantity
from imgprep.util.versions import versions

STAGE = "convert"
PROBED = 32


@dataclass(frozen=True, slots=True)
class Conversion:
    """The stage with all its inputs.

    Attributes:
        name: of the dataset.
        table: every entry that the source lists.
        classes: in index order.
        prepare: turns a sample into pixels.
        settings: of the spec.
        origin: identifies the source, to decide what is up to date: nested plain values; not published.
        where: file and line of the section in the spec, for messages.
        preprocessed: what had been done to the images, where the source is a dataset; None for any other.
        decisions: digest and counts of the decisions that were applied to the table; None without any.
        targets: of which the table has columns.
    """

    name: str
    table: SampleTable
    classes: tuple[str, ...]
    prepare: Prepare
    settings: ConvertSettings
    origin: Mapping[str, Any]
    seed: int
    where: str
    preprocessed: Mapping[str, Any] | None = None
    decisions: Mapping[str, Any] | None = None
    targets: tuple[Target, ...] = ()

    def values(self) -> dict[str, Any]:
        """The settings as plain values for a fingerprint, with the place of masks and the targets."""
        masks = self.prepare.reader.masks
        values = self.settings.values() | ({} if masks is None else {"masks": masks.attribute or "alpha"})
        return values | ({"targets": {each.name: asdict(each) for each in self.targets}} if self.targets else {})

    def inputs(self) -> dict[str, Any]:
        """See `ExplainedWork.inputs`."""
        values = self.values()
        stored, targets = values.pop("storage"), values.pop("targets", None)
        return {
            "versions": versions(),
            "name": self.name,
            "seed": self.seed,
            STAGE: values | stored,
            "source": self.origin,
            "classes": self.classes,
            "files": {"digest": self.table.digest()},
            **({"targets": targets} if targets else {}),
            **decisions_key(self.decisions),
        }

    def key(self) -> str:
        """A hash of the stage's inputs; the same key gives the same shards."""
        return fingerprint(self.inputs())

    def listed(self) -> SampleTable:
        """See `ListedWork.listed`."""
        return self.table

    def image(self, context: RunContext) -> tuple[str, ImageFormat]:
        """(id, format): the id of the image that determines the format ('' when the settings do), and the format.

        Raises:
            RequestError: no image is usable.
        """
        if self.prepare.image is not None:
            return "", self.prepare.image
        if STAGE in context.ahead.formats:
            return context.ahead.formats[STAGE]
        usable = np.flatnonzero(self.table.ok())
        for start in range(0, len(usable), PROBED):
            items = self.table[usable[start : start + PROBED]]
            plan = ShardPlan(0, "probe", None, items, "")
            found: tuple[str, ImageFormat] | None
            for _, found in results(context, Probe(self.prepare), [plan], "probe", len(items)):
                if found is not None:
                    context.ahead.formats[STAGE] = found
                    return found
        raise RequestError(f"{self.where}: none of the images can be read; `imgprep audit` lists the reasons")

    def plans(self, image: ImageFormat) -> list[ShardPlan[SampleTable]]:
        """The shard plans, in source order; they depend only on the samples and the shard size."""
        row_bytes = int(np.prod(image.shape)) * np.dtype(image.dtype).itemsize
        if self.prepare.reader.masks is not None:
            row_bytes += image.shape[0] * image.shape[1]
        usable = self.table.ok()
        ranges = cut(usable, max(1, shard_count(int(usable.sum()), row_bytes, self.settings.shard_size)))
        names = shard_names("shard", len(ranges), self.settings.format.suffix)
        job = fingerprint(versions(), self.values(), self.origin, self.classes, image.shape, image.dtype)
        source = self.prepare.reader.source
        return [
            ShardPlan(index, filename, None, items, plan_digest(job, filename, items), rows=row_keys(source, items))
            for index, (filename, rows) in enumerate(zip(names, ranges, strict=True))
            for items in [self.table[rows]]
        ]

    def rows(self, image: ImageFormat | None) -> RowSettings:
        """The fingerprint that all rows share; the format may be unknown."""
        values = {name: value for name, value in self.values().items() if name not in {"storage", "targets"}}
        made = fingerprint(versions(), values, repr(self.prepare.reader.options))
        return RowSettings(STAGE, made, image)

    def reusable(self, context: RunContext) -> tuple[int, int]:
        """See `ReusingWork.reusable`."""
        keys = row_keys(self.prepare.reader.source, self.table[self.table.ok()]).keys
        return reusable(context.workspace, self.rows(self.prepare.image), keys), len(keys)

    def shards(self, context: RunContext) -> tuple[ConvertJob, list[ShardPlan[SampleTable]]]:
        """See `ShardedWork.shards`."""
        example, image = self.image(context)
        about = explained(self.classes, image, {"kind": "none"}, self.targets)
        writer = ShardWriter.for_stage(context.workspace, STAGE, self.settings, about)
        rows = self.rows(image)
        earlier, plans = reusing(context, rows, self.plans(image))
        job = ConvertJob(
            self.prepare,
            image,
            example,
            self.classes,
            writer,
            self.where,
            settings=rows.digest,
            earlier=earlier,
            targets=self.targets,
        )
        return job, plans

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage.

        Raises:
            RequestError: the images differ in size.
            ResourceError: it cannot be written.
        """
        job, plans = self.shards(context)
        with in_background(collection_flags, self.table) as flags:  # while the workers work
            records = make_shards(context, STAGE, job, plans)
            found = flags()
        manifest = self.manifest(job.image, records)
        if self.targets:
            usable = np.fromiter(are_usable(part_lines(context, STAGE, plans)), bool, len(self.table))
            columns = of_rows(self.table.targets, usable)
            manifest = replace(manifest, targets=described(self.targets, {ALL: columns}))
        clashes = label_conflicts(part_lines(context, STAGE, plans), self.table)
        for note in (*found.notes, *clashes.notes):
            context.monitor.note(f"{STAGE}: {note}; flagged in samples.jsonl")
        if warning := dark_note(record.dark for record in records if record.samples):
            context.monitor.note(f"{STAGE}: {warning}")
        transient = sum(record.transient for record in records)
        if transient:
            context.monitor.note(f"{STAGE}: {_retry_note(transient)}")
        joined = found.joined(clashes)
        lines = with_flags(part_lines(context, STAGE, plans), joined) if joined else parts(context, STAGE, plans)
        return commit_stage(context, manifest, self.key(), lines, again=transient > 0)

    def manifest(self, image: ImageFormat, records: list[ShardRecord]) -> Manifest:
        """The index of the finished stage, without `files`."""
        counts: Counter[str] = Counter()
        for record in records:
            counts.update(record.counts)
        samples = {
            "found": len(self.table),
            "ok": sum(record.samples for record in records),
            "quarantined": sum(record.quarantined for record in records),
            "skipped": sum(record.skipped for record in records),
        }
        if self.prepare.reader.masks is not None:
            samples[MASKED] = sum(record.masked or 0 for record in records)
        return Manifest(
            stage=STAGE,
            name=self.name,
            classes=self.classes,
            counts={"all": {name: counts[name] for name in self.classes}},
            samples=samples,
            image=image,
            labels={"encoding": "index", "dtype": label_dtype(len(self.classes)).name},
            normalization={"kind": "none"},
            preprocessing=self.settings.recorded() | ({"source": self.preprocessed} if self.preprocessed else {}),
            seed=self.seed,
            fingerprint=fingerprint(self.values(), self.classes, [record.part for record in records]),
            versions=recorded_versions(),
            shards=entries(records),
            decisions=self.decisions,
        )


def _retry_note(images: int) -> str:
    """The note about images that failed for want of network, memory or time, or with a killed worker."""
    return f"{quantity(images, verb='was')} quarantined for a reason that may pass; the next run tries again"
