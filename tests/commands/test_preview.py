import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgprep.commands.contact_sheet import CELL, Row, fitted, printable, sheet
from imgprep.commands.preview import Amount, preview
from imgprep.commands.session import Request
from imgprep.errors import RequestError
from tests.support.specs import write_spec


@pytest.fixture
def spec(tmp_path: Path, collection: Path) -> Path:
    return write_spec(
        tmp_path,
        {"layout": "directory", "path": str(collection)},
        convert={"size": [8, 8], "steps": ["invert"]},
        augment={"per_image": 1, "transforms": [{"flip": {"horizontal": 0.5}}], "stress": ["shifted"]},
    )


def test_sheet_has_a_row_for_each_image_and_touches_no_output(spec: Path, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.name != "sheet.png"}
    drawn = preview(Request(spec), tmp_path / "sheet.png", Amount(images=2, draws=3))
    assert (drawn.images, drawn.notes) == (6, ())
    picture = cv2.imread(str(drawn.path))
    # original, size, invert, three copies, one stress set: the step to RGB changes nothing and has no column
    assert picture.shape[1] > 7 * CELL
    assert picture.shape[1] < 9 * CELL
    assert picture.shape[0] > 6 * CELL
    assert {path for path in tmp_path.rglob("*") if path.name != "sheet.png"} == before


@pytest.mark.slow
def test_the_same_seed_gives_the_same_sheet(spec: Path, tmp_path: Path) -> None:
    def digest(seed: int, name: str) -> str:
        return hashlib.sha256(preview(Request(spec, seed=seed), tmp_path / name).path.read_bytes()).hexdigest()

    assert digest(1, "a.png") == digest(1, "b.png") != digest(2, "c.png")


def test_unreadable_images_are_passed_over(spec: Path, collection: Path, tmp_path: Path) -> None:
    for path in sorted((collection / "ash").iterdir())[:3]:
        path.write_bytes(b"no image")
    for path in (collection / "oak").iterdir():
        path.write_bytes(b"no image")
    drawn = preview(Request(spec), tmp_path / "sheet.png", Amount(images=2))
    assert drawn.images == 1 + 2
    assert drawn.notes == ("oak: no image can be read",)
    for path in collection.rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(RequestError, match="none of the images can be read"):
        preview(Request(spec), tmp_path / "sheet.png")


def test_sheet_without_augment_section(spec: Path, tmp_path: Path) -> None:
    drawn = preview(Request(spec, ["augment=null"]), tmp_path / "sheet.png", Amount(images=1))
    assert cv2.imread(str(drawn.path)).shape[1] < 5 * CELL


@pytest.mark.parametrize(("shape", "expected"), [((8, 8), (128, 128)), ((256, 64), (128, 32)), ((1000, 1), (128, 1))])
def test_images_fit_their_cells(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fitted(np.zeros((*shape, 3), np.uint8), CELL).shape[:2] == expected


def test_captions_are_ascii_whatever_the_names() -> None:
    assert printable("größe\n\x1b[31m").isascii()
    assert "\n" not in printable("a\nb")
    image = np.zeros((4, 4, 3), np.uint8)
    picture = sheet([Row("ö" * 200, "very/" * 100 + "é", (("original", image),))])
    assert picture.shape[2] == 3


@pytest.mark.slow
def test_command_line(spec: Path, tmp_path: Path, run_cli) -> None:
    done = run_cli("preview", spec, "-o", "x.png", "--images", 1, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x.png\n", "")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert run_cli("preview", spec, "-o", "missing/x.png", cwd=tmp_path).returncode == 2
