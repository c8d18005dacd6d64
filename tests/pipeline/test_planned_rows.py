from pathlib import Path

import numpy as np
import pytest

from imgprep.pipeline.earlier_rows import EarlierRows
from imgprep.pipeline.planned_rows import opened
from imgprep.pipeline.row_records import RowKeys, hash_of, hashes
from tests.support.earlier_rows import CONTENTS, PIXELS, shard


@pytest.fixture
def rows(tmp_path: Path) -> EarlierRows:
    shards = [shard(tmp_path, "a", slice(0, 3), "hdf5"), shard(tmp_path, "b", slice(3, 7), "npz")]
    return EarlierRows.write(tmp_path, shards, hashes(CONTENTS), ((4, 3, 3), "uint8"))


def test_the_rows_of_a_plan_are_given_as_far_as_they_follow_one_another(rows: EarlierRows) -> None:
    keys = RowKeys(np.zeros((8, 16), np.uint8), np.array([0, 1, -1, 3, 4, 5, 1, 2]))
    with opened(rows, keys, ("image",), without=[4]) as known:
        assert known is not None
        runs = [known.at(item) for item in range(8)]
        assert [0 if run is None else len(run) for run in runs] == [2, 1, 0, 1, 0, 1, 2, 1]
        assert [run.contents[:16] for run in runs if run is not None] == [CONTENTS[n] for n in (0, 1, 3, 5, 1, 2)]
        by_content = known.of(CONTENTS[6])
        assert by_content is not None
        np.testing.assert_array_equal(by_content.arrays["image"][0], PIXELS[6])
        assert known.of(CONTENTS[6][:8] + bytes(8)) is None, "the same beginning of a hash"
        assert known.of(hash_of(b"another")) is None


def test_a_plan_without_earlier_rows_has_none(rows: EarlierRows) -> None:
    with opened(None, RowKeys.of(hash_of(b"a")), ("image",)) as known:
        assert known is None
    with opened(rows, None, ("image",)) as known:
        assert known is None
