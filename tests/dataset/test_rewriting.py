"""Files are written where their content changed, and only there."""

from pathlib import Path

import pytest

from imgprep.dataset.rewriting import commit_changed

OLD = b"a" * 2_000_000 + b"end"


@pytest.mark.parametrize(
    "new", [OLD, b"", OLD[:-1], OLD + b"x", b"b" + OLD[1:], OLD[:1_500_000] + b"c" + OLD[1_500_001:]]
)
@pytest.mark.parametrize("piece", [1000, 3_000_000])
def test_a_file_has_the_new_content_and_stays_if_it_had_it(tmp_path: Path, new: bytes, piece: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    before = path.stat().st_ino
    commit_changed(path, (new[at : at + piece] for at in range(0, len(new), piece)))
    assert path.read_bytes() == new
    assert (path.stat().st_ino == before) == (new == OLD)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_not_there_is_written(tmp_path: Path) -> None:
    commit_changed(tmp_path / "file", [b"new"])
    assert (tmp_path / "file").read_bytes() == b"new"
