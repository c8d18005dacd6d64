"""Rows of convert that need not be decoded: an earlier run made them from the same image with the same settings."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgprep.dataset.manifest import MASKED
from imgprep.decoding.formats import sniff
from imgprep.errors import ImageError
from imgprep.pipeline.earlier_rows import OpenRows
from imgprep.pipeline.image_reader import Content, ImageReader, Mask
from imgprep.pipeline.path_flags import PATH_FLAGS, path_flags
from imgprep.pipeline.row_records import KEY, UNKNOWN, RowKeys
from imgprep.sources.base import Source
from imgprep.sources.masks import Masks
from imgprep.stages.convert.dark_levels import Levels
from imgprep.stages.convert.prepare import Prepared, content_hash
from imgprep.stages.convert.shard_rows import MASK
from imgprep.table.sample import Sample, SampleTable


def row_keys(source: Source, table: SampleTable) -> RowKeys:
    """The keys of rows: a file of the same name, size and time has the same pixels."""
    origin = hashlib.blake2b(repr(source.origin()).encode("utf-8", "surrogateescape"), digest_size=KEY)
    stamps, usable = np.ascontiguousarray(table.stamp, np.int64), table.ok() & table.stamp.any(axis=1)
    found = bytearray()
    for location, stamp, known in zip(table.location.encoded(), stamps, usable.tolist(), strict=True):
        if known:
            state = origin.copy()
            state.update(stamp.data)
            state.update(location)
            found += state.digest()
        else:
            found += UNKNOWN
    return RowKeys.of(found)


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The earlier rows of one plan; see `Known`.

    Attributes:
        rows: of an earlier run, open.
        keys: of the items of the plan.
        reader: of the source, with its masks.
    """

    rows: OpenRows
    keys: RowKeys
    reader: ImageReader

    def at(self, item: int, sample: Sample) -> Prepared | None:
        """The row of an item whose file is the same by name, size and time."""
        number = int(self.keys.earlier[item])
        return None if number < 0 else self._copy(number, sample)

    def of(self, content: Content, sample: Sample) -> Prepared | None:
        """The row of an image of the same content, wherever it was."""
        hashed = content_hash(content)
        number = self.rows.find(hashed)
        found = None if number < 0 else self._copy(number, sample)
        if found is None or found.content != hashed:
            return None
        data, _ = content
        if isinstance(data, np.ndarray):
            return found
        try:
            named = path_flags(sample.location, sniff(data).name)
        except ImageError:
            return None
        return found._replace(flags=tuple(sorted({*found.flags} - PATH_FLAGS | {*named})))

    def _copy(self, number: int, sample: Sample) -> Prepared | None:
        masks = self.reader.masks
        row = self.rows.read(number, ("image",) if masks is None else ("image", MASK))
        if row is None or not (masks is None or _same_mask(masks, sample, row.details)):
            return None
        flags, dark = tuple(row.details["flags"]), row.details["dark"]
        mask = Mask(row.arrays[MASK][..., np.newaxis], row.details["mask"] or None) if MASKED in flags else None
        return Prepared(
            row.arrays["image"],
            flags,
            row.sha256,
            mask=mask,
            dark=None if dark is None else Levels(*dark),
            content=row.content,
            checksum=row.checksum,
        )


def _same_mask(masks: Masks, sample: Sample, details: Mapping[str, Any]) -> bool:
    """Whether the mask of an image is the one that was recorded; masks that show nothing are not recorded."""
    if not masks.attribute:
        return True
    try:
        data = masks.read(sample)
    except (ImageError, MemoryError):
        return False
    found: bool = details["mask"] == ("" if data is None else hashlib.sha256(data).hexdigest())
    return found
