import hashlib
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest

from imgprep.pipeline.earlier_rows import EarlierRows, EarlierShard, places
from imgprep.pipeline.row_records import UNKNOWN, RowRecords, hash_of, hashes
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


@pytest.fixture(params=[("hdf5", "none"), ("hdf5", "gzip"), ("npz", "none"), ("npz", "gzip")])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> EarlierRows:
    shards = [shard(tmp_path, "a", slice(0, 3), *request.param), shard(tmp_path, "b", slice(3, 7), *request.param)]
    made = EarlierRows.write(tmp_path, shards, hashes(CONTENTS), ((4, 3, 3), "uint8"))
    again: EarlierRows = pickle.loads(pickle.dumps(made))
    return again


def test_a_row_is_found_by_its_content_and_read(rows: EarlierRows) -> None:
    with rows.opened() as opened:
        for number in (6, 0, 3, 2):
            assert opened.find(CONTENTS[number]) == number
            found = opened.read(number, ("image",))
            assert found is not None
            np.testing.assert_array_equal(found.arrays["image"], PIXELS[number])
            assert found.checksum == zlib.crc32(PIXELS[number].tobytes())
            assert found.sha256 == hashlib.sha256(PIXELS[number].tobytes()).hexdigest()
            assert found.details == {"row": number if number < 3 else number - 3}
        assert opened.find(hash_of(b"another")) == -1
        assert opened.find(UNKNOWN) == -1


def test_rows_of_a_damaged_shard_are_not_known(rows: EarlierRows, tmp_path: Path) -> None:
    path = next(path for path in tmp_path.iterdir() if path.name in {"b.h5", "b.npz"})
    path.write_bytes(path.read_bytes()[:-40])
    with rows.opened() as opened:
        assert opened.read(5, ("image",)) is None
        assert opened.read(1, ("image",)) is not None
        assert opened.read(1, ("image", "mask")) is None


def test_rows_with_other_pixels_are_not_known(rows: EarlierRows, tmp_path: Path) -> None:
    (tmp_path / "a.rows").write_bytes((tmp_path / "b.rows").read_bytes())
    with rows.opened() as opened:
        assert opened.read(1, ("image",)) is None
        assert opened.read(4, ("image",)) is not None


def test_places_of_keys() -> None:
    known = hashes([hash_of(b"b"), UNKNOWN, hash_of(b"a"), hash_of(b"a")])
    wanted = hashes([hash_of(b"a"), hash_of(b"c"), UNKNOWN, hash_of(b"b")])
    first, other, unknown, second = places(known, wanted).tolist()
    assert first in {2, 3}
    assert (other, unknown, second) == (-1, -1, 0)
    assert places(known[:0], wanted).tolist() == [-1] * 4
    assert places(known, wanted[:0]).tolist() == []
    half = known[:1].copy()
    half[0, 9] ^= 1  # the same in the first half only
    assert places(known, half).tolist() == [-1]
