"""The work on one shard of the augment stage."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.records import SampleRecord, json_line
from imgprep.dataset.row_format import ImageFormat
from imgprep.engines.base import Heartbeat
from imgprep.pipeline.earlier_rows import EarlierRows, opened_or_none
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.row_records import RowRecords, image_text
from imgprep.pipeline.shard_job import ShardJob, columns, record_of
from imgprep.pipeline.stage_images import OPEN_SHARDS
from imgprep.pipeline.writer import ShardWriter
from imgprep.stages.augment.plan import Copies
from imgprep.stages.augment.render import Maker
from imgprep.table.label_type import label_dtype
from imgprep.table.targets import Target, values_of


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
        lines, details, copied = [], [], 0
        with self.maker.shards.opened(OPEN_SHARDS) as shards, opened_or_none(self.earlier) as earlier:
            for item, id_ in enumerate(copies.id):
                heartbeat.at(item)
                number = -1 if plan.rows is None else int(plan.rows.earlier[item])
                known = earlier.read(number, ("image",)) if earlier is not None and number >= 0 else None
                if known is not None:
                    images[item], explained = known.arrays["image"], known.details
                    copied += 1
                else:
                    images[item], explained = self.maker.make(shards, copies, item)
                lines.append(self._record(plan, item, id_).line(explained))
                details.append(json_line(explained))
        heartbeat.done()
        labels = copies.label.astype(label_dtype(len(self.classes)))
        arrays = columns(images, labels, copies.id, copies.parent_id, copies.targets)
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
