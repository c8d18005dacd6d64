import hashlib
from pathlib import Path

import numpy as np
import pytest

from imgprep.pipeline.row_records import UNKNOWN, RowKeys, RowRecords, hash_of, hashes, read_row_records


def records() -> RowRecords:
    keys = hashes([hash_of(b"a"), UNKNOWN, hash_of(b"c")])
    digests = hashes([hashlib.sha256(text).digest() for text in (b"1", b"2", b"3")], 32)
    return RowRecords(
        "s", "8x8x3 uint8", keys, keys[::-1], np.array([1, 2, 3], np.uint32), digests, [b"{}", b"", b"[1]"]
    )


def test_they_are_read_as_they_were_written(tmp_path: Path) -> None:
    content = records().to_bytes()
    (tmp_path / "r").write_bytes(content)
    found = read_row_records(tmp_path / "r", hashlib.sha256(content).hexdigest())
    assert found is not None
    assert (found.settings, found.image, len(found)) == ("s", "8x8x3 uint8", 3)
    for name in ("keys", "contents", "checksums", "sha256"):
        np.testing.assert_array_equal(getattr(found, name), getattr(records(), name))
    assert list(found.details) == [b"{}", b"", b"[1]"]
    assert found.details[1:] == [b"", b"[1]"]
    assert found.details[2:2] == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 99])
def test_what_is_not_as_it_was_written_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r").write_bytes(content)
    assert read_row_records(tmp_path / "r", hashlib.sha256(records().to_bytes()).hexdigest()) is None
    assert read_row_records(tmp_path / "r", hashlib.sha256(content).hexdigest()) is None
    assert read_row_records(tmp_path / "none", "") is None


def test_parts_of_a_hash_are_told_apart() -> None:
    assert len({hash_of(b"ab", b"c"), hash_of(b"a", b"bc"), hash_of(b"abc"), hash_of(b"abc", b"")}) == 4


def test_keys_know_no_earlier_row_at_first() -> None:
    found = RowKeys.of(hash_of(b"a") + UNKNOWN)
    assert found.keys.shape == (2, 16)
    assert found.earlier.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("earlier", "without", "runs"),
    [
        ([], [], []),
        ([-1], [], [0]),
        ([5], [], [1]),
        ([0, 1, 2, 3], [], [4, 3, 2, 1]),
        ([0, 1, 2, 3], [1, 3], [1, 0, 1, 0]),
        ([7, 8, -1, 9, 10, 3, 3, 4], [], [2, 1, 0, 2, 1, 1, 2, 1]),
        ([-1, 0, -1, -1], [], [0, 1, 0, 0]),
    ],
)
def test_runs_of_rows_that_follow_one_another(earlier: list[int], without: list[int], runs: list[int]) -> None:
    keys = RowKeys(np.zeros((len(earlier), 16), np.uint8), np.array(earlier, np.int64))
    assert keys.runs(without) == runs
    assert keys.earlier.tolist() == earlier
