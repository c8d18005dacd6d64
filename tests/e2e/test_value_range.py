"""Images that do not use the whole range of their type, through the command line; levels are computed with numpy."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest

import imgprep as package
from tests.support.specs import write_spec

Call = Callable[..., Any]
LABELS = np.arange(8) % 2


def values(low: float, high: float, *, whole: bool = False) -> Any:
    """(8, 5, 6) float64 from low to high, both ends included."""
    random = np.random.default_rng(5)
    drawn = random.integers(int(low), int(high) + 1, (8, 5, 6)) if whole else random.uniform(low, high, (8, 5, 6))
    drawn[0, 0, 0], drawn[1, 0, 0] = low, high
    return np.asarray(drawn, np.float64)


def store(folder: Path, layout: str, images: Any) -> dict[str, str]:
    """The source section of the images, stored in a layout."""
    path = folder / f"source.{layout}"
    if layout == "npz":
        np.savez(path, image=images, label=LABELS)
    elif layout == "hdf5":
        with h5py.File(path, "w") as file:
            file["image"], file["label"] = images, LABELS
    elif layout == "json":
        rows = [{"label": f"c{LABELS[row]}", "location": _cell(image)} for row, image in enumerate(images)]
        path.write_text(json.dumps(rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["label", "location"])
            writer.writerows(
                [f"c{label}", json.dumps(image.tolist())] for image, label in zip(images, LABELS, strict=True)
            )
    return {"layout": layout, "path": path.name}


def _cell(image: Any) -> Any:
    """Nested lists; as text where they hold what JSON has no word for."""
    return image.tolist() if all(map(math.isfinite, image.ravel())) else json.dumps(image.tolist())


def png(folder: Path, images: Any) -> dict[str, str]:
    """The source section of the images as files of PNG."""
    for row, image in enumerate(images):
        (folder / "png" / f"c{LABELS[row]}").mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / "png" / f"c{LABELS[row]}" / f"{row}.png"), image)
    return {"layout": "directory", "path": "png"}


def convert(imgprep: Call, folder: Path, source: dict[str, str], **keys: Any) -> Any:
    """Runs convert over the source, in grey."""
    execution = {"engine": "serial", "max_quarantined": 8}
    return imgprep("convert", write_spec(folder, source, convert={"channels": "gray", **keys}, execution=execution))


def levels(folder: Path) -> dict[str, Any]:
    """Id -> (H, W) of everything that was converted."""
    dataset = package.load(folder / "out" / "convert")
    return {dataset.ids[row]: dataset[row][0][..., 0] for row in range(len(dataset))}


def stacked(folder: Path) -> Any:
    """(N, H, W) in the order of the images' numbers."""
    return np.stack(list(levels(folder).values()))


def expected(images: Any, low: float, high: float, top: int) -> Any:
    return np.rint((images.astype(np.float64) - low) / (high - low) * top)


def reasons(folder: Path) -> list[str]:
    lines = (folder / "out" / "convert" / "samples.jsonl").read_text().splitlines()
    return [line["reason"] for line in map(json.loads, lines) if line["status"] == "quarantined"]


@pytest.mark.parametrize("bounds", [(0, 1), (0, 255), (-1, 1), (0, 16)], ids=str)
@pytest.mark.parametrize("layout", ["npz", "hdf5", "csv", "json"])
def test_floats_of_a_range_become_levels(
    tmp_path: Path, imgprep: Call, layout: str, bounds: tuple[float, float]
) -> None:
    images = values(*bounds, whole=bounds == (0, 16))
    done = convert(imgprep, tmp_path, store(tmp_path, layout, images), range=list(bounds))
    assert done.returncode == 0, done.stderr
    assert np.array_equal(stacked(tmp_path), expected(images, *bounds, 255))
    assert "almost black" not in done.stderr


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float32", "float16", "int64"])
@pytest.mark.parametrize("layout", ["npz", "hdf5"])
def test_numbers_of_every_type_become_16_bits(tmp_path: Path, imgprep: Call, layout: str, dtype: str) -> None:
    images = values(0, 2047, whole=True).astype(dtype)
    done = convert(imgprep, tmp_path, store(tmp_path, layout, images), range=[0, 2047], depth=16)
    assert done.returncode == 0, done.stderr
    found = stacked(tmp_path)
    assert found.dtype == np.uint16
    assert np.array_equal(found, expected(images, 0, 2047, 65535))


@pytest.mark.parametrize(
    ("keys", "top"),
    [
        ({"depth": {"from": 12}}, 255),
        ({"depth": {"from": 12, "to": 16}}, 65535),
        ({"depth": {"from": 12, "to": "keep"}}, 65535),
        ({"range": [0, 4095]}, 255),
        ({"range": [0, 4095], "depth": 16}, 65535),
    ],
    ids=str,
)
def test_png_of_16_bits_that_use_12(tmp_path: Path, imgprep: Call, keys: dict[str, Any], top: int) -> None:
    images = values(0, 4095, whole=True).astype(np.uint16)
    done = convert(imgprep, tmp_path, png(tmp_path, images), **keys)
    assert done.returncode == 0, done.stderr
    found = levels(tmp_path)
    for row, image in enumerate(images):
        assert np.array_equal(found[f"c{LABELS[row]}/{row}.png"], expected(image, 0, 4095, top))


def test_bits_that_are_used_leave_images_of_8_bits_alone(tmp_path: Path, imgprep: Call) -> None:
    images = values(0, 255, whole=True).astype(np.uint8)
    done = convert(imgprep, tmp_path, png(tmp_path, images), depth={"from": 12})
    assert done.returncode == 0, done.stderr
    assert np.array_equal(levels(tmp_path)["c0/0.png"], images[0])


@pytest.mark.parametrize("layout", ["npz", "hdf5", "csv", "json"])
@pytest.mark.parametrize(("value", "reason"), [(np.nan, "NaN"), (np.inf, "infinite"), (1.5, "1.5"), (-0.25, "-0.25")])
def test_a_value_out_of_range_costs_its_image(
    tmp_path: Path, imgprep: Call, layout: str, value: float, reason: str
) -> None:
    images = values(0, 1)
    images[3, 2, 2] = value
    done = convert(imgprep, tmp_path, store(tmp_path, layout, images), range=[0, 1])
    assert done.returncode == 0, done.stderr
    (said,) = reasons(tmp_path)
    assert reason in said
    assert np.array_equal(stacked(tmp_path), expected(np.delete(images, 3, 0), 0, 1, 255))


@pytest.mark.parametrize("layout", ["npz", "hdf5"])
def test_floats_without_a_range_are_refused_with_advice(tmp_path: Path, imgprep: Call, layout: str) -> None:
    done = convert(imgprep, tmp_path, store(tmp_path, layout, values(0, 1)))
    assert done.returncode == 4
    assert "float64" in done.stderr
    assert "convert.range: [0, 1]" in done.stderr


@pytest.mark.parametrize("layout", ["csv", "json"])
def test_nested_floats_without_a_range_are_quarantined_with_advice(tmp_path: Path, imgprep: Call, layout: str) -> None:
    images = values(0, 255, whole=True).astype(np.int64).astype(object)
    images[2, 1, 1] = 0.5
    done = convert(imgprep, tmp_path, store(tmp_path, layout, images))
    assert done.returncode == 0, done.stderr
    (said,) = reasons(tmp_path)
    assert "convert.range" in said


@pytest.mark.parametrize(
    ("largest", "dtype", "advice"),
    [
        (4095, np.uint16, "convert.depth: {from: 12}"),
        (200, np.uint16, "convert.depth: {from: 8}"),
        (16, np.uint8, "convert.range: [0, 16]"),
        (32, np.uint8, ""),
        (16384, np.uint16, ""),
        (0, np.uint8, ""),
    ],
    ids=str,
)
def test_a_collection_far_under_its_depth_is_warned_of(
    tmp_path: Path, imgprep: Call, largest: int, dtype: Any, advice: str
) -> None:
    images = values(0, largest, whole=True).astype(dtype)
    done = convert(imgprep, tmp_path, store(tmp_path, "npz", images))
    assert done.returncode == 0, done.stderr
    assert ("almost black" in done.stderr) == bool(advice)
    assert advice in done.stderr


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"range": [1, 0]}, "convert.range: expected two numbers [low, high]"),
        ({"range": 255}, "convert.range: expected two numbers [low, high]"),
        ({"range": [0, float("nan")]}, "convert.range: expected two numbers [low, high]"),
        ({"range": [0, 1], "depth": {"from": 12}}, "convert.range: contradicts depth"),
        ({"depth": {"from": 17}}, "convert.depth.from: expected the number of bits"),
        ({"depth": {"form": 12}}, "did you mean 'from'?"),
        ({"depth": {"from": 12, "to": 9}}, "convert.depth.to: expected 8, 16 or keep"),
    ],
    ids=str,
)
def test_a_range_that_is_none_is_refused(tmp_path: Path, imgprep: Call, keys: dict[str, Any], text: str) -> None:
    done = convert(imgprep, tmp_path, store(tmp_path, "npz", values(0, 1)), **keys)
    assert done.returncode == 2
    assert text in done.stderr
