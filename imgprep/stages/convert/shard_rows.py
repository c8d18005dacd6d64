"""The rows of one shard of the convert stage, as its images are decoded one after another."""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.records import SampleRecord
from imgprep.pipeline.image_reader import Mask
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.shards.base import text_array
from imgprep.stages.convert.dark_levels import Levels, darkest
from imgprep.stages.convert.prepare import Prepared
from imgprep.table.columns import label_dtype
from imgprep.table.sample import NOTHING, Sample, SampleTable, Status
from imgprep.table.targets import Target, of_rows, values_of
from imgprep.transforms.masks import OBJECT

MASK: Final = "mask"
"""Name of the array of masks in the shards, where the spec asks for masks."""


class ShardRows:
    """Collects the columns of a shard and the lines of its samples.

    Args:
        plan: of the shard.
        images: room for those of the shard.
        codes: class -> index.
        masked: whether masks are stored.
        targets: of which the plan has columns.
    """

    def __init__(
        self,
        plan: ShardPlan[SampleTable],
        images: NDArray[Any],
        codes: Mapping[str, int],
        *,
        masked: bool,
        targets: Sequence[Target] = (),
    ) -> None:
        self.plan = plan
        self.codes = codes
        self.targets = targets
        self.items: list[int] = []
        self.images = images
        self.masks = np.full(images.shape[:3], OBJECT, np.uint8) if masked else None
        self.labels: list[int] = []
        self.ids: list[str] = []
        self.checksums: list[int] = []
        self.lines: list[bytes] = []
        self.counts: Counter[str] = Counter()
        self.status: Counter[str] = Counter()
        self.transient = self.masked = 0
        self.dark: list[Levels | None] = []

    def add(self, item: int, sample: Sample, prepared: Prepared) -> None:
        """Adds one item of the plan."""
        row = None
        status: Status = sample.status if sample.status != "ok" else "quarantined"
        if prepared.pixels is not None:
            row, status = len(self.ids), "ok"
            self.images[row] = prepared.pixels
            self.checksums.append(zlib.crc32(self.images[row]))
            if self.masks is not None:
                self._add_mask(self.masks[row], prepared.mask)
            self.dark.append(prepared.dark)
            self.items.append(item)
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
            original_label=sample.original_label,
            targets=values_of(self.targets, self.plan.items.targets, item) if row is not None else NOTHING,
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
            **of_rows(self.plan.items.targets, np.array(self.items, np.intp)),
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
