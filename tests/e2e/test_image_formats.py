"""What image files may hold, through the command line: colour profiles, things behind the image, false names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgprep as package
from tests.support.icc_profiles import profile, srgb_of
from tests.support.specs import write_spec

SIZE = 12


def picture(seed: int) -> np.ndarray[Any, Any]:
    rows, columns, channels = np.mgrid[0:SIZE, 0:SIZE, 0:3]
    return ((rows * 9 + columns * (channels + 3) * 3 + seed * 31) % 256).astype(np.uint8)


def collect(folder: Path, name: str, seed: int, **options: Any) -> np.ndarray[Any, Any]:
    """One image of the class that its path names; its pixels as they are stored."""
    path = folder / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed)).save(path, **options)
    return picture(seed)


def write(folder: Path, **convert: Any) -> Path:
    sections = {"name": "test", "convert": {"size": [SIZE, SIZE], **convert}, "execution": {"workers": 2}}
    return write_spec(folder, {"layout": "directory", "path": "images"}, **sections)


def records(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "out" / "convert" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


@pytest.mark.parametrize("choice", [None, "ignore", "srgb"])
def test_color_profile(tmp_path: Path, imgprep: Callable[..., Any], choice: str | None) -> None:
    stored = {
        f"a/{number}.png": collect(tmp_path, f"a/{number}.png", number, icc_profile=profile()) for number in range(3)
    }
    plain = collect(tmp_path, "b/plain.png", 7)
    spec = write(tmp_path, **({"color_profile": choice} if choice else {}))
    assert imgprep("convert", spec, "-q").returncode == 0
    found = records(tmp_path)
    dataset = package.load(tmp_path / "out" / "convert")
    for name, pixels in stored.items():
        assert found[name]["flags"] == ["icc-profile"]
        image = dataset[found[name]["row"]][0].astype(float)
        wanted = srgb_of(pixels) if choice == "srgb" else pixels
        assert np.abs(image - wanted).max() <= (1.5 if choice == "srgb" else 0)
    assert found["b/plain.png"]["flags"] == []
    assert (dataset[found["b/plain.png"]["row"]][0] == plain).all()


def test_a_change_of_color_profile_converts_anew(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    collect(tmp_path, "a/1.png", 1, icc_profile=profile())
    collect(tmp_path, "b/2.png", 2, icc_profile=profile())
    images = []
    for choice in ("ignore", "srgb", "ignore"):
        assert imgprep("convert", write(tmp_path, color_profile=choice), "-q").returncode == 0
        images.append(package.load(tmp_path / "out" / "convert")[0][0].copy())
    assert (images[0] == images[2]).all()
    assert not (images[0] == images[1]).all()


def test_a_damaged_profile_costs_one_image_and_only_where_it_is_used(
    tmp_path: Path, imgprep: Callable[..., Any]
) -> None:
    for number in range(3):
        collect(tmp_path, f"a/{number}.png", number, icc_profile=profile())
        collect(tmp_path, f"b/{number}.jpg", number, icc_profile=profile() if number else b"damaged")
    assert imgprep("convert", write(tmp_path), "-q").returncode == 0
    done = imgprep("convert", write(tmp_path, color_profile="srgb"), "-q")
    assert done.returncode == 3
    found = records(tmp_path)
    assert [name for name, record in found.items() if record["status"] != "ok"] == ["b/0.jpg"]
    assert "colour profile is damaged" in found["b/0.jpg"]["reason"]


def test_an_unknown_color_profile_is_refused(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    collect(tmp_path, "a/1.png", 1)
    done = imgprep("convert", write(tmp_path, color_profile="sRGB"), "-q")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "color_profile" in done.stderr
    assert "spec.yaml:" in done.stderr


def test_the_census_of_encodings_counts_profiles(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    for number in range(4):
        collect(tmp_path, f"a/{number}.png", number, icc_profile=profile())
        collect(tmp_path, f"b/{number}.png", 10 + number)
    report = json.loads(imgprep("audit", write(tmp_path), "--format", "json").stdout)
    census, *classes = (finding for finding in report["findings"] if finding["rule"] == "encoding")
    assert census["message"] == "8 images: 4 icc-profile"
    assert {finding["status"] for finding in classes} == {"fail"}
    assert any("a: 100 % icc-profile, the other classes 0 %" in finding["message"] for finding in classes)


def test_a_gain_map_behind_the_image_is_flagged(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    collect(tmp_path, "a/plain.jpg", 1)
    collect(tmp_path, "b/map.jpg", 2)
    path = tmp_path / "images" / "b" / "map.jpg"
    path.write_bytes(path.read_bytes() + (tmp_path / "images" / "a" / "plain.jpg").read_bytes())
    assert imgprep("convert", write(tmp_path), "-q").returncode == 0
    found = records(tmp_path)
    assert (found["a/plain.jpg"]["flags"], found["b/map.jpg"]["flags"]) == ([], ["trailing-bytes"])


def test_files_of_other_formats_are_quarantined_by_their_names(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    collect(tmp_path, "a/good.jpg", 1)
    collect(tmp_path, "b/good.jpg", 2)
    collect(tmp_path, "b/tga.tga", 3)
    (tmp_path / "images" / "b" / "tga.tga").rename(tmp_path / "images" / "b" / "tga.jpg")
    content = (tmp_path / "images" / "a" / "good.jpg").read_bytes()
    frame = content.index(b"\xff\xc0")
    (tmp_path / "images" / "b" / "deep.jpg").write_bytes(content[: frame + 4] + b"\x0c" + content[frame + 5 :])
    (tmp_path / "images" / "b" / "slice.jpg").write_bytes(bytes(128) + b"DICM" + bytes(64))
    done = imgprep("convert", write(tmp_path), "-q")
    assert (done.returncode, done.stderr) == (3, "")
    reasons = {name: record["reason"] for name, record in records(tmp_path).items() if record["status"] != "ok"}
    assert reasons == {
        "b/deep.jpg": "12-bit JPEG is not supported; 8-bit JPEG is",
        "b/slice.jpg": "not an image that imgprep reads (looks like DICOM)",
        "b/tga.jpg": "not an image that imgprep reads (looks like TGA)",
    }


def test_damaged_files_of_every_decoder_leave_the_terminal_alone(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    """Their C libraries print to the standard error of the workers."""
    collect(tmp_path, "a/good.jpg", 1)
    collect(tmp_path, "b/good.jpg", 2)
    for name, options in (("a.tif", {"compression": "tiff_lzw"}), ("b.tif", {"compression": "tiff_adobe_deflate"})):
        collect(tmp_path, f"b/{name}", 3, **options)
        path = tmp_path / "images" / "b" / name
        content = path.read_bytes()
        path.write_bytes(content[:40] + bytes(range(200, 240)) + content[80:])
    done = imgprep("convert", write(tmp_path), "-q")
    assert (done.returncode, done.stderr) == (3, "")
    bad = {name: record["reason"] for name, record in records(tmp_path).items() if record["status"] != "ok"}
    assert bad.keys() == {"b/a.tif", "b/b.tif"}
    assert all(reason.startswith("damaged TIFF") for reason in bad.values())
