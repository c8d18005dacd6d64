from pathlib import Path

import pytest

from imgprep.errors import RequestError
from imgprep.util.output_file import check_output_file


def test_a_file_in_a_folder_that_is_there_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_output_file(tmp_path / "x.PNG", (".png",))
    check_output_file(tmp_path / "x")
    monkeypatch.chdir(tmp_path)
    check_output_file(Path("x.png"), (".png",))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("x.jpg", "x.jpg: a sheet is a PNG file; give a name that ends in .png"),
        ("x", "x: a sheet is a PNG file"),
        ("nowhere/x.png", "nowhere: no such folder; make it first"),
        ("folder", "folder: is a folder; give the name of a file"),
    ],
)
def test_other_places_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(RequestError) as caught:
        check_output_file(Path(path), (".png",), "a sheet is a PNG file")
    assert str(caught.value).startswith(said)
