"""The rows of one shard of the convert stage, as its images are decoded one after another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.dataset.manifest import MASKED
from imgprep.dataset.record_lines import RowLines
from imgprep.dataset.records import SampleRecord
from imgprep.dataset.row_format import IMAGE
from imgprep.pipeline.earlier_rows import EarlierRun
from imgprep.pipeline.image_reader import Mask, Pixels
from imgprep.pipeline.plan import ShardPlan, ShardRecord
from imgprep.pipeline.row_records import RowRecords, hashes, image_text
from imgprep.shards.base import text_array
from imgprep.stages.convert.dark_levels import Levels, darkest
from imgprep.stages.convert.prepare import Prepared, file_hash
from imgprep.stages.convert.row_details import RowDetails
from imgprep.table.label_type import label_dtype
from imgprep.table.sample import NOTHING, Sample, SampleTable, Status
from imgprep.table.targets import Target, of_rows, values_of
from imgprep.transforms.masks import OBJECT
from imgprep.util.checksum import crc32

MASK: Final = "mask"
"""Name of the array of masks in the shards, where the spec asks for masks."""
_HEX: Final = 64
"""Characters of a SHA-256 in hexadecimal."""
_TOGETHER: Final = 256
_NEAR: Final = 1 << 20
"""Items, and bytes of their images, that are finished together: as many as a processor's cache holds."""


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
        self.labels: list[str] = []
        self.ids: list[str] = []
        self.checksums: list[int] = []
        self.lines: list[bytes] = []
        self._usual = RowLines(plan.filename)
        self.status: Counter[str] = Counter()
        self.transient = self.masked = 0
        self.dark: list[Levels | None] = []
        self.contents: list[bytes] = []
        self.sha256: list[str] = []
        self.details: list[bytes] = []
        self.copied = 0
        self._told: dict[bytes, RowDetails] = {}
        self._rows = 0
        self._waiting: list[tuple[int, Sample, Prepared]] = []
        self._most = max(1, min(_TOGETHER, _NEAR // max(1, images[:1].nbytes)))

    def copy(self, item: int, samples: Sequence[Sample], run: EarlierRun) -> None:
        """Adds rows that an earlier run made.

        Args:
            item: the first of them in the plan.
            samples: of these rows.
            run: the rows.
        """
        self._finish()
        row, sha256 = self._rows, run.sha256.hex()
        self._rows = stop = row + len(run)
        self.images[row:stop] = run.arrays[IMAGE]
        if self.masks is not None:
            self.masks[row:stop] = run.arrays[MASK]
        self.checksums += run.checksums
        self.contents.append(run.contents)
        self.sha256.append(sha256)
        self.details += run.details
        self.items += range(item, item + len(run))
        self.copied += len(run)
        self.labels += [sample.label for sample in samples]
        self.ids += [sample.id for sample in samples]
        for at, (sample, text) in enumerate(zip(samples, run.details, strict=True)):
            details = self._told.get(text) or self._told.setdefault(text, RowDetails.from_json(text))
            self.dark.append(details.dark)
            mask = None
            if self.masks is not None and MASKED in details.flags:
                mask = Mask(self.masks[row + at, ..., np.newaxis], details.mask or None)
                self.masked += 1
            digest = sha256[at * _HEX : (at + 1) * _HEX]
            copied = Prepared(None, details.flags, digest, mask=mask)  # of which only a line is made
            self._add_usable_line(item + at, sample, copied, row + at)

    def add(self, item: int, sample: Sample, prepared: Prepared) -> None:
        """Adds one item of the plan; its pixels are copied at once.

        The rest is done for several items in one loop: that takes a third of the time of doing it between two images,
        whose decoding drives it out of the processor's caches.
        """
        if prepared.pixels is not None:
            self._add_pixels(self._rows, prepared, prepared.pixels)
            self._rows += 1
        self._waiting.append((item, sample, prepared))
        if len(self._waiting) >= self._most:
            self._finish()

    def _finish(self) -> None:
        """Adds all but the pixels of the items that wait for it."""
        waiting, self._waiting = self._waiting, []
        for item, sample, prepared in waiting:
            pixels, flags, sha256, _, _, mask, dark, content, checksum = prepared
            if pixels is None:
                self._add_line(item, sample, prepared, None)
                continue
            row = len(self.ids)
            self.checksums.append(self._checksum(row) if checksum is None else checksum)
            self.dark.append(dark)
            self.items.append(item)
            self.contents.append(content or file_hash(sha256 or ""))
            self.sha256.append(sha256 or "")
            self.details.append(_details(prepared) if flags or mask is not None or dark is not None else _USUAL)
            self.labels.append(sample.label)
            self.ids.append(sample.id)
            self._add_usable_line(item, sample, prepared, row)

    def _add_usable_line(self, item: int, sample: Sample, prepared: Prepared, row: int) -> None:
        unusual = prepared.mask is not None or self.targets or sample.original_label or prepared.transient
        if unusual or prepared.sha256 is None:
            self._add_line(item, sample, prepared, row)
        else:
            self.lines.append(self._usual.line(sample, row, prepared.sha256, prepared.flags))

    def _add_line(self, item: int, sample: Sample, prepared: Prepared, row: int | None) -> None:
        status: Status = "ok" if row is not None else "quarantined" if sample.status == "ok" else sample.status
        if row is None:
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
        self.copied += prepared.checksum is not None

    def _checksum(self, row: int) -> int:
        """Of image and mask."""
        checksum = crc32(self.images[row])
        return checksum if self.masks is None else crc32(self.masks[row], checksum)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The columns of the flat layout."""
        self._finish()
        count = len(self.ids)
        columns = {
            "image": self.images[:count],
            "label": np.array([self.codes[label] for label in self.labels], label_dtype(len(self.codes))),
            "id": text_array(self.ids),
            "parent": text_array([""] * count),
            "checksum": np.array(self.checksums, np.uint32),
            **of_rows(self.plan.items.targets, np.array(self.items, np.intp)),
        }
        return columns if self.masks is None else columns | {MASK: self.masks[:count]}

    def records(self, settings: str) -> RowRecords | None:
        """The records of the rows; None where the plan does not identify them."""
        self._finish()
        if self.plan.rows is None:
            return None
        return RowRecords(
            settings,
            image_text(self.images.shape[1:], self.images.dtype.name),
            self.plan.rows.keys[self.items],
            hashes(self.contents),
            np.array(self.checksums, np.uint32),
            np.frombuffer(bytes.fromhex("".join(self.sha256)), np.uint8).reshape(-1, 32),
            self.details,
        )

    def record(self) -> ShardRecord:
        """The record of the shard before it is written."""
        self._finish()
        return ShardRecord(
            self.plan.filename,
            self.plan.split,
            len(self.ids),
            quarantined=self.status["quarantined"],
            transient=self.transient,
            skipped=self.status["skipped"],
            masked=None if self.masks is None else self.masked,
            counts=dict(Counter(self.labels)),
            dark=darkest(self.dark),
            copied=self.copied,
        )


def _details(prepared: Prepared) -> bytes:
    """The facts about a row that a later run needs beside its pixels and digests."""
    mask = "" if prepared.mask is None else prepared.mask.sha256 or ""
    return RowDetails(prepared.flags, mask, prepared.dark).to_json()


_USUAL: Final = RowDetails().to_json()
