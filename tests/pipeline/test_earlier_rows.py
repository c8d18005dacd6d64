import hashlib
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest

from imgprep.pipeline.earlier_rows import EarlierRows, places
from imgprep.pipeline.row_records import UNKNOWN, hash_of, hashes
from tests.support.earlier_rows import CONTENTS, PIXELS, shard


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
            found = opened.read(number, 1, ("image",))
            assert found is not None
            np.testing.assert_array_equal(found.arrays["image"][0], PIXELS[number])
            assert found.checksums == [zlib.crc32(PIXELS[number].tobytes())]
            assert found.contents == CONTENTS[number]
            assert found.sha256 == hashlib.sha256(PIXELS[number].tobytes()).digest()
            assert list(found.details) == [b'{"row":%d}' % (number if number < 3 else number - 3)]
        assert opened.find(hash_of(b"another")) == -1
        assert opened.find(UNKNOWN) == -1


@pytest.mark.parametrize(
    ("number", "most", "count"), [(0, 9, 3), (1, 9, 2), (0, 2, 2), (3, 4, 4), (4, 2, 2), (6, 9, 1)]
)
def test_rows_of_one_shard_are_read_at_once(rows: EarlierRows, number: int, most: int, count: int) -> None:
    with rows.opened() as opened:
        found = opened.read(number, most, ("image",))
        assert found is not None
        assert len(found) == len(found.details) == count
        np.testing.assert_array_equal(found.arrays["image"], PIXELS[number : number + count])
        assert found.checksums == [zlib.crc32(image.tobytes()) for image in PIXELS[number : number + count]]
        assert found.contents == b"".join(CONTENTS[number : number + count])
        digests = [hashlib.sha256(image.tobytes()).digest() for image in PIXELS[number : number + count]]
        assert found.sha256 == b"".join(digests)


def test_rows_before_a_damaged_one_are_read(tmp_path: Path) -> None:
    made = shard(tmp_path, "a", slice(0, 7), "hdf5")
    path = Path(made.path)
    content = path.read_bytes()
    path.write_bytes(content.replace(PIXELS[4].tobytes(), PIXELS[5].tobytes()))
    rows = EarlierRows.write(tmp_path, [made], hashes(CONTENTS), ((4, 3, 3), "uint8"))
    with rows.opened() as opened:
        for number, count in ((0, 4), (2, 2), (5, 2)):
            found = opened.read(number, 7, ("image",))
            assert found is not None
            assert len(found) == count
            np.testing.assert_array_equal(found.arrays["image"], PIXELS[number : number + count])
        assert opened.read(4, 7, ("image",)) is None


def test_rows_of_a_damaged_shard_are_not_known(rows: EarlierRows, tmp_path: Path) -> None:
    path = next(path for path in tmp_path.iterdir() if path.name in {"b.h5", "b.npz"})
    path.write_bytes(path.read_bytes()[:-40])
    with rows.opened() as opened:
        assert opened.read(5, 1, ("image",)) is None
        assert opened.read(1, 1, ("image",)) is not None
        assert opened.read(1, 1, ("image", "mask")) is None


def test_rows_with_other_pixels_are_not_known(rows: EarlierRows, tmp_path: Path) -> None:
    (tmp_path / "a.rows").write_bytes((tmp_path / "b.rows").read_bytes())
    with rows.opened() as opened:
        assert opened.read(1, 2, ("image",)) is None
        assert opened.read(4, 2, ("image",)) is not None


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
