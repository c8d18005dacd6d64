"""convert: decodes, resizes and pre-processes the images of any source into 8- or 16-bit shards."""

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import MASKED, ImageFormat, Manifest, fingerprint
from imgprep.dataset.record_edits import with_flags
from imgprep.dataset.records import SampleRecord
from imgprep.engines.base import Heartbeat
from imgprep.errors import RequestError
from imgprep.pipeline import shard_buffer
from imgprep.pipeline.image_reader import Mask, Pixels
from imgprep.pipeline.plan import ShardPlan, ShardRecord, cut, plan_digest, shard_count, shard_names
from imgprep.pipeline.runner import RunContext, commit_stage, entries, make_shards, part_lines, results
from imgprep.pipeline.versions import recorded_versions, versions
from imgprep.pipeline.writer import ShardWriter, explained, label_dtype
from imgprep.shards.base import text_array
from imgprep.stages.convert.collection_flags import collection_flags, label_conflicts
from imgprep.stages.convert.dark_levels import Levels, dark_note, darkest
from imgprep.stages.convert.prepare import Prepare, Prepared, Probe
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.table.sample import Sample, SampleTable, Status
from imgprep.transforms.masks import OBJECT

STAGE = "convert"
MASK = "mask"
"""Name of the array of masks in its shards, where the spec asks for masks."""
PROBED = 32


@dataclass(frozen=True, slots=True)
class ConvertJob:
    """Makes one shard of the stage.

    Attributes:
        prepare: turns a sample into pixels.
        image: format that every image must have.
        example: id of the image that determined the format; '' when the settings did.
        classes: in index order.
        writer: writes the shard.
        where: file and line of the section in the spec, for messages.
    """

    prepare: Prepare
    image: ImageFormat
    example: str
    classes: tuple[str, ...]
    writer: ShardWriter
    where: str

    def __call__(self, plan: ShardPlan[SampleTable], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard.

        Raises:
            RequestError: an image has another size than the first one, and the spec gives none.
            ResourceError: the file cannot be written.
        """
        finished = self.writer.finished(plan)
        if finished is not None:
            return finished
        codes = {name: code for code, name in enumerate(self.classes)}
        rows = _Rows(plan, self.image, codes, masked=self.prepare.reader.masks is not None)
        for sample, prepared in self.prepare.over(plan.items, plan.excluded, heartbeat):
            if prepared.pixels is not None:
                self._check(sample, prepared.pixels)
            rows.add(sample, prepared)
        return self.writer.write(rows.record(), rows.arrays(), lines=rows.lines)

    def _check(self, sample: Sample, pixels: Pixels) -> None:
        if pixels.shape == self.image.shape and pixels.dtype == self.image.dtype:
            return
        raise RequestError(
            f"{self.where}: convert.size: {sample.id} becomes {_describe(pixels.shape, pixels.dtype.name)}, "
            f"but {self.example} {_describe(self.image.shape, self.image.dtype)}; all images must agree: "
            "give convert.size as [height, width], convert.channels (rgb or gray) and convert.depth (8 or 16)"
        )


class _Rows:
    """Collects the columns of a shard and the lines of its samples."""

    def __init__(
        self, plan: ShardPlan[SampleTable], image: ImageFormat, codes: Mapping[str, int], *, masked: bool
    ) -> None:
        self.plan = plan
        self.codes = codes
        count = int(plan.items.ok().sum())
        self.images = shard_buffer.rows((count, *image.shape), image.dtype)
        self.masks = np.full((count, *image.shape[:2]), OBJECT, np.uint8) if masked else None
        self.labels: list[int] = []
        self.ids: list[str] = []
        self.checksums: list[int] = []
        self.lines: list[bytes] = []
        self.counts: Counter[str] = Counter()
        self.status: Counter[str] = Counter()
        self.transient = self.masked = 0
        self.dark: list[Levels | None] = []

    def add(self, sample: Sample, prepared: Prepared) -> None:
        """Adds one item."""
        row = None
        status: Status = sample.status if sample.status != "ok" else "quarantined"
        if prepared.pixels is not None:
            row, status = len(self.ids), "ok"
            self.images[row] = prepared.pixels
            self.checksums.append(zlib.crc32(self.images[row]))
            if self.masks is not None:
                self._add_mask(self.masks[row], prepared.mask)
            self.dark.append(prepared.dark)
            self.labels.append(self.codes[sample.label])
            self.ids.append(sample.id)
            self.counts[sample.label] += 1
        self.status[status] += 1
        self.transient += prepared.transient
        record = SampleRecord(
            id=sample.id,
            location=sample.location,
            label=sample.label or None,
            attributes=dict(sample.attributes),
            status=status,
            reason=prepared.reason,
            split=sample.split or None,
            shard=None if row is None else self.plan.filename,
            row=row,
            sha256=prepared.sha256,
            flags=list(prepared.flags),
            group=sample.group,
            mask_sha256=(prepared.mask.sha256 or "") if prepared.mask is not None else "",
        )
        self.lines.append(record.line())

    def _add_mask(self, row: NDArray[np.uint8], mask: Mask | None) -> None:
        """Adds the mask of the last image; without a mask the row is all object."""
        if mask is not None:
            row[:] = mask.pixels[..., 0]
            self.masked += 1
        self.checksums[-1] = zlib.crc32(row.data, self.checksums[-1])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The columns of the flat layout."""
        count = len(self.ids)
        columns = {
            "image": self.images[:count],
            "label": np.array(self.labels, label_dtype(len(self.codes))),
            "id": text_array(self.ids),
            "parent": text_array([""] * count),
            "checksum": np.array(self.checksums, np.uint32),
        }
        return columns if self.masks is None else columns | {MASK: self.masks[:count]}

    def record(self) -> ShardRecord:
        """The record of the shard before it is written."""
        return ShardRecord(
            self.plan.filename,
            self.plan.split,
            len(self.ids),
            quarantined=self.status["quarantined"],
            transient=self.transient,
            skipped=self.status["skipped"],
            masked=None if self.masks is None else self.masked,
            counts=dict(self.counts),
            dark=darkest(self.dark),
        )


@dataclass(frozen=True, slots=True)
class Conversion:
    """The stage with all its inputs.

    Attributes:
        name: of the dataset.
        table: every entry that the source lists.
        classes: in index order.
        prepare: turns a sample into pixels.
        settings: of the spec.
        origin: identifies the source, to decide what is up to date; not published.
        where: file and line of the section in the spec, for messages.
    """

    name: str
    table: SampleTable
    classes: tuple[str, ...]
    prepare: Prepare
    settings: ConvertSettings
    origin: str
    seed: int
    where: str

    def values(self) -> dict[str, Any]:
        """The settings as plain values for a fingerprint, with the place of masks."""
        masks = self.prepare.reader.masks
        return self.settings.values() | ({} if masks is None else {"masks": masks.attribute or "alpha"})

    def key(self) -> str:
        """A hash of the stage's inputs; the same key gives the same shards."""
        named = self.name, self.seed
        return fingerprint(versions(), named, self.values(), self.origin, self.classes, self.table.digest())

    def image(self, context: RunContext) -> tuple[str, ImageFormat]:
        """(id, format): the id of the image that determines the format ('' when the settings do), and the format.

        Raises:
            RequestError: no image is usable.
        """
        if self.prepare.image is not None:
            return "", self.prepare.image
        usable = np.flatnonzero(self.table.ok())
        for start in range(0, len(usable), PROBED):
            items = self.table[usable[start : start + PROBED]]
            plan = ShardPlan(0, "probe", None, items, "")
            found: tuple[str, ImageFormat] | None
            for _, found in results(context, Probe(self.prepare), [plan], "probe", len(items)):
                if found is not None:
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
        return [
            ShardPlan(index, filename, None, items, plan_digest(job, filename, items))
            for index, (filename, rows) in enumerate(zip(names, ranges, strict=True))
            for items in [self.table[rows]]
        ]

    def run(self, context: RunContext) -> Manifest:
        """Makes the stage.

        Raises:
            RequestError: the images differ in size.
            ResourceError: it cannot be written.
        """
        example, image = self.image(context)
        found = collection_flags(self.table)
        plans = self.plans(image)
        about = explained(self.classes, image, {"kind": "none"})
        writer = ShardWriter.for_stage(context.workspace, STAGE, self.settings, about)
        job = ConvertJob(self.prepare, image, example, self.classes, writer, self.where)
        records = make_shards(context, STAGE, job, plans)
        manifest = self.manifest(image, records)
        clashes = label_conflicts(part_lines(context, STAGE, plans), self.table)
        for note in (*found.notes, *clashes.notes):
            context.monitor.note(f"{STAGE}: {note}; flagged in samples.jsonl")
        if warning := dark_note(record.dark for record in records if record.samples):
            context.monitor.note(f"{STAGE}: {warning}")
        transient = sum(record.transient for record in records)
        if transient:
            context.monitor.note(f"{STAGE}: {_retry_note(transient)}")
        lines = with_flags(part_lines(context, STAGE, plans), found.joined(clashes))
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
            seed=self.seed,
            fingerprint=fingerprint(self.values(), self.classes, [record.part for record in records]),
            versions=recorded_versions(),
            shards=entries(records),
        )


def _retry_note(images: int) -> str:
    """The note about images that failed for want of network, memory or time, or with a killed worker."""
    what = "1 image was" if images == 1 else f"{images} images were"
    return f"{what} quarantined for a reason that may pass; the next run tries again"


def _describe(shape: tuple[int, ...], dtype: str) -> str:
    return f"{shape[0]}x{shape[1]}x{shape[2]} {dtype}"
