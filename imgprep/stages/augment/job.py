"""The work on one shard of the augment stage."""

import json
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.records import SampleRecord, json_line
from imgprep.dataset.row_format import IMAGE, ImageFormat
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.earlier_rows import EarlierRows
from imgprep.pipeline.image_loop import in_runs
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.planned_rows import opened
from imgprep.pipeline.row_records import RowRecords, image_text
from imgprep.pipeline.shard_job import ShardJob, columns, record_of
from imgprep.pipeline.stage_images import OPEN_SHARDS
from imgprep.pipeline.writer import ShardWriter
from imgprep.stages.augment.plan import Copies
from imgprep.stages.augment.render import Maker
from imgprep.table.label_type import label_dtype
from imgprep.table.targets import Target, values_of
from imgprep.util.checksum import crc32


@dataclass(frozen=True, slots=True)
class AugmentJob(ShardJob[Copies]):
    """Makes one shard of the stage.

    Attributes:
        maker: makes one copy.
        image: format of every image.
        classes: in index order.
        writer: writes the shard.
        settings: a hash of the settings that decide the pixels.
        earlier: rows of an earlier run; None where there are none.
        targets: of which the copies have columns.
    """

    maker: Maker
    image: ImageFormat
    classes: tuple[str, ...]
    writer: ShardWriter
    settings: str = ""
    earlier: EarlierRows | None = None
    targets: tuple[Target, ...] = ()

    def make(self, plan: ShardPlan[Copies], heartbeat: Heartbeat) -> ShardRecord:
        """Makes the shard.

        Raises:
            SourceError: a shard of the convert stage is damaged.
            ResourceError: the file cannot be written.
        """
        copies = plan.items
        images = self.writer.buffer.rows((len(copies), *self.image.shape), self.image.dtype)
        lines, details, checksums, copied = list[bytes](), list[bytes](), list[int](), 0
        with self.maker.shards.opened(OPEN_SHARDS) as shards, opened(self.earlier, plan.rows, (IMAGE,)) as earlier:
            known = None if earlier is None else lambda item, _: earlier.at(item)
            for item, ids, run in in_runs(copies.id, heartbeat, known):
                if run is not None:
                    images[item : item + len(run)] = run.arrays[IMAGE]
                    told = [json.loads(text) for text in run.details]
                    details += run.details
                    checksums += run.checksums
                    copied += len(run)
                else:
                    images[item], explained = self.maker.make(shards, copies, item)
                    told = [explained]
                    details.append(json_line(explained))
                    checksums.append(crc32(images[item]))
                lines += [
                    self._record(plan, at, id_).line(explained)
                    for at, (id_, explained) in enumerate(zip(ids, told, strict=True), item)
                ]
        labels = copies.label.astype(label_dtype(len(self.classes)))
        arrays = columns(images, labels, copies.id, copies.parent_id, checksums=checksums)
        arrays |= copies.targets
        record = replace(record_of(plan, copies.label, self.classes), copied=copied)
        rows = self._row_records(plan, arrays["checksum"], details)
        return self.writer.write(record, arrays, lines=lines, rows=rows)

    def _row_records(
        self, plan: ShardPlan[Copies], checksums: NDArray[np.uint32], details: list[bytes]
    ) -> RowRecords | None:
        if plan.rows is None:
            return None
        image = image_text(self.image.shape, self.image.dtype)
        keys = plan.rows.keys
        none = np.zeros((len(keys), 0), np.uint8)
        return RowRecords(self.settings, image, keys, np.zeros_like(keys), checksums, none, details)

    def _record(self, plan: ShardPlan[Copies], item: int, id_: str) -> SampleRecord:
        copies = plan.items
        return SampleRecord(
            id=id_,
            location=id_,
            label=self.classes[int(copies.label[item])],
            attributes={},
            status="ok",
            reason="",
            split=plan.split,
            shard=plan.filename,
            row=item,
            sha256=None,
            flags=[],
            parent=copies.parent_id[item],
            targets=values_of(self.targets, copies.targets, item),
        )
