"""Shards of an earlier run, made of seven small images."""

import hashlib
import zlib
from pathlib import Path

import numpy as np

from imgprep.pipeline.earlier_rows import EarlierShard
from imgprep.pipeline.row_records import RowRecords, hash_of, hashes
from imgprep.shards import FORMATS
from imgprep.shards.base import text_array

PIXELS = np.random.default_rng(1).integers(0, 256, (7, 4, 3, 3), np.uint8)
CONTENTS = [hash_of(bytes([row])) for row in range(7)]


def shard(folder: Path, name: str, rows: slice, format_name: str, compression: str = "none") -> EarlierShard:
    images, contents = PIXELS[rows], CONTENTS[rows]
    count = len(images)
    arrays = {"image": images, "label": np.zeros(count, np.uint16), "id": text_array(map(str, range(count)))}
    format_ = FORMATS[format_name]
    path = folder / f"{name}{format_.suffix}"
    path.write_bytes(b"".join(format_.write(arrays, compression)))
    checksums = np.array([zlib.crc32(image.tobytes()) for image in images], np.uint32)
    digests = hashes([hashlib.sha256(image.tobytes()).digest() for image in images], 32)
    known = hashes(contents)
    records = RowRecords(
        "s", "4x3x3 uint8", known, known, checksums, digests, [b'{"row":%d}' % row for row in range(count)]
    )
    content = records.to_bytes()
    (folder / f"{name}.rows").write_bytes(content)
    return EarlierShard(str(path), str(folder / f"{name}.rows"), hashlib.sha256(content).hexdigest(), count)
