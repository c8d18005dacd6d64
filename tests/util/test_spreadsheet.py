import pytest

from imgprep.util.spreadsheet import protect, unprotect


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert protect(cell) == f"'{cell}"
    assert protect(f"apple/{cell}") == f"apple/{cell}"


@pytest.mark.parametrize(
    ("cell", "written"),
    [("", ""), ("plum", "plum"), ("'plum", "'plum"), ("'", "'"), ("=1", "'=1"), ("'=1", "''=1"), ("''-", "'''-")],
)
def test_a_cell_is_read_back_as_it_was(cell: str, written: str) -> None:
    assert protect(cell) == written
    assert unprotect(written) == cell
