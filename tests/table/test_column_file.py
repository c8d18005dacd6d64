from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgprep.errors import ResourceError
from imgprep.table import column_file
from imgprep.table.column_file import ColumnFile

KIND = np.dtype([("small", "u1"), ("pair", "<u8", (2,)), ("number", "<f4")])


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Thirty rows, of which a block holds a few."""
    monkeypatch.setattr(column_file, "BLOCK_BYTES", 40)
    random = np.random.default_rng(0)
    rows = np.zeros(30, KIND)
    rows["small"], rows["number"] = random.integers(0, 256, 30), random.random(30)
    rows["pair"] = random.integers(0, 2**63, (30, 2))
    return rows


@pytest.fixture
def file(tmp_path: Path, records: np.ndarray) -> ColumnFile:
    stored = ColumnFile(tmp_path, KIND, 30)
    for start, stop in ((20, 30), (0, 7), (7, 20)):
        stored.write(start, records[start:stop])
    return stored


def test_a_file_is_the_array_of_its_records(file: ColumnFile, records: np.ndarray) -> None:
    assert len(file) == 30
    assert file.records().tobytes() == records.tobytes()
    for name in KIND.names or ():
        np.testing.assert_array_equal(file[name], records[name])
        assert file[name].dtype == records[name].dtype


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.slices(30)
    | st.lists(st.integers(0, 29)).map(lambda rows: np.array(rows, np.intp))
    | st.lists(st.booleans(), min_size=30, max_size=30).map(np.array),
    seed=st.integers(0, 99),
)
def test_views_are_those_of_the_array(
    file: ColumnFile, records: np.ndarray, rows: slice | np.ndarray, seed: int
) -> None:
    chosen, wanted = file[rows], records[rows]
    assert chosen.records().tobytes() == wanted.tobytes()
    again = np.random.default_rng(seed).permutation(len(wanted))[:5]
    assert chosen[again]["pair"].tolist() == wanted[again]["pair"].tolist()


def test_rows_that_were_not_written_are_zeros(tmp_path: Path) -> None:
    assert ColumnFile(tmp_path, KIND, 3).records().tobytes() == np.zeros(3, KIND).tobytes()
    assert len(ColumnFile(tmp_path, KIND, 0)["pair"]) == 0


def test_files_are_joined(file: ColumnFile, records: np.ndarray) -> None:
    part = np.array([5, 2, 29])
    joined = ColumnFile.joined([file, file[part]])
    assert joined.records().tobytes() == np.concatenate([records, records[part]]).tobytes()


def test_a_view_outlives_the_file_and_nothing_is_left(tmp_path: Path, records: np.ndarray) -> None:
    file = ColumnFile(tmp_path, KIND, 30)
    file.write(0, records)
    part = file[np.array([3])]
    assert list(tmp_path.iterdir()) == []
    del file
    assert part["small"].tolist() == records["small"][[3]].tolist()


def test_without_room_it_says_where(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"nowhere: cannot write: .*; free the space"):
        ColumnFile(tmp_path / "nowhere", KIND, 1)
