"""Rows of convert that need not be decoded: an earlier run made them from the same image with the same settings."""

import hashlib
from dataclasses import dataclass

import numpy as np

from imgprep.dataset.manifest import MASKED
from imgprep.dataset.row_format import IMAGE
from imgprep.decoding.formats import sniff
from imgprep.errors import ImageError
from imgprep.pipeline.earlier_rows import EarlierRun
from imgprep.pipeline.image_reader import Content, Mask
from imgprep.pipeline.path_flags import PATH_FLAGS, path_flags
from imgprep.pipeline.planned_rows import PlannedRows
from imgprep.pipeline.row_records import KEY, UNKNOWN, RowKeys
from imgprep.sources.base import Source
from imgprep.sources.masks import Masks
from imgprep.stages.convert.prepare import Prepared, content_hash
from imgprep.stages.convert.row_details import RowDetails
from imgprep.stages.convert.shard_rows import MASK
from imgprep.table.sample import Sample, SampleTable
from imgprep.table.text_hashes import text_hashes


def row_keys(source: Source, table: SampleTable) -> RowKeys:
    """The keys of rows: a file of the same name, size and time has the same pixels."""
    stamps, usable = np.ascontiguousarray(table.stamp, np.int64), table.ok() & table.stamp.any(axis=1)
    origin = repr(source.origin()).encode("utf-8", "surrogateescape")
    keys = np.zeros((len(table), 2), np.uint64)
    for half in range(2):
        # Of one name, other sizes or times give other keys; of other names they do so as hashes do.
        name = hashlib.blake2b(origin, digest_size=KEY, person=bytes([half])).digest()
        keys[:, half] = text_hashes(table.location, name) ^ stamps[:, half].view(np.uint64)
    keys[~usable] = np.frombuffer(UNKNOWN, np.uint64)
    return RowKeys.of(keys.tobytes())


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The earlier rows of one plan, with the masks that they were made with; see `Known`.

    Attributes:
        rows: of the plan.
        masks: of the source; None where none are read.
    """

    rows: PlannedRows
    masks: Masks | None

    def at(self, item: int, sample: Sample) -> EarlierRun | None:
        """The rows of an item and of those behind it, whose files are the same by name, size and time."""
        if self.masks is None or not self.masks.attribute:
            return self.rows.at(item)
        found = self.rows.at(item, 1)
        same = found is not None and _same_mask(self.masks, sample, RowDetails.from_json(found.details[0]))
        return found if same else None

    def of(self, content: Content, sample: Sample) -> Prepared | None:
        """The row of an image of the same content, wherever it was."""
        hashed = content_hash(content)
        found = self.rows.of(hashed)
        if found is None:
            return None
        details = RowDetails.from_json(found.details[0])
        if self.masks is not None and not _same_mask(self.masks, sample, details):
            return None
        flags = details.flags
        if not isinstance(content[0], np.ndarray):
            try:
                named = path_flags(sample.location, sniff(content[0]).name)
            except ImageError:
                return None
            flags = tuple(sorted({*flags} - PATH_FLAGS | {*named}))
        mask = Mask(found.arrays[MASK][0, ..., np.newaxis], details.mask or None) if MASKED in flags else None
        return Prepared(
            found.arrays[IMAGE][0],
            flags,
            found.sha256.hex(),
            mask=mask,
            dark=details.dark,
            content=hashed,
            checksum=found.checksums[0],
        )


def _same_mask(masks: Masks, sample: Sample, details: RowDetails) -> bool:
    """Whether the mask of an image is the one that was recorded; masks that show nothing are not recorded."""
    if not masks.attribute:
        return True
    try:
        data = masks.read(sample)
    except (ImageError, MemoryError):
        return False
    return details.mask == ("" if data is None else hashlib.sha256(data).hexdigest())
