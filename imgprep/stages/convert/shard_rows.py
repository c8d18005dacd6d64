"""The rows of one shard of the convert stage, as its images are decoded one after another."""

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.records import SampleRecord, json_line
from imgprep.pipeline.image_reader import Pixels
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.row_records import RowRecords, hashes, image_text
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
        self.contents: list[bytes] = []
        self.sha256: list[bytes] = []
        self.details: list[bytes] = []
        self.copied = 0

    def add(self, item: int, sample: Sample, prepared: Prepared) -> None:
        """Adds one item of the plan."""
        row = None
        status: Status = sample.status if sample.status != "ok" else "quarantined"
        if prepared.pixels is not None:
            row, status = len(self.ids), "ok"
            self._add_pixels(row, prepared, prepared.pixels)
            self.dark.append(prepared.dark)
            self.items.append(item)
            self.contents.append(prepared.content)
            self.sha256.append(bytes.fromhex(prepared.sha256 or ""))
            self.details.append(_details(prepared))
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

    def _add_pixels(self, row: int, prepared: Prepared, pixels: Pixels) -> None:
        """Adds image and mask; without a mask the row is all object."""
        self.images[row] = pixels
        mask = None if self.masks is None else self.masks[row]
        if mask is not None and prepared.mask is not None:
            mask[:] = prepared.mask.pixels[..., 0]
            self.masked += 1
        if prepared.checksum is not None:
            self.copied += 1
            self.checksums.append(prepared.checksum)
        else:
            checksum = zlib.crc32(self.images[row])
            self.checksums.append(checksum if mask is None else zlib.crc32(mask.data, checksum))

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

    def records(self, settings: str) -> RowRecords | None:
        """The records of the rows; None where the plan does not identify them."""
        if self.plan.rows is None:
            return None
        return RowRecords(
            settings,
            image_text(self.images.shape[1:], self.images.dtype.name),
            self.plan.rows.keys[self.items],
            hashes(self.contents),
            np.array(self.checksums, np.uint32),
            hashes(self.sha256, 32),
            self.details,
        )

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
            copied=self.copied,
        )


def _details(prepared: Prepared) -> bytes:
    """The facts about a row that a later run needs beside its pixels and digests."""
    if not prepared.flags and prepared.mask is None and prepared.dark is None:
        return _USUAL
    mask = "" if prepared.mask is None else prepared.mask.sha256 or ""
    return json_line({"flags": prepared.flags, "mask": mask, "dark": prepared.dark})


_USUAL: Final = json_line({"flags": (), "mask": "", "dark": None})
