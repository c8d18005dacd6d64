"""What happens to pixels on the way, through the command line: orientation, steps, presets of pretrained networks."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgprep as package
from imgprep.decoding.decode import DecodeOptions
from imgprep.stages.convert.settings import ConvertSettings
from imgprep.transforms import STEPS
from tests.support.sections import section
from tests.support.specs import write_spec

ARGUMENTS: dict[str, dict[str, Any]] = {
    "center_crop": {"size": [9, 8]},
    "pad": {"size": [30, 40]},
    "repeat": {"factor": 2},
    "threshold": {"method": "otsu"},
    "erode": {"shape": "cross", "radius": 2},
}
RANDOM = np.random.default_rng(3)
PIXELS = {
    (depth, channels): RANDOM.integers(0, 2**depth, (6, 21, 26, channels), np.dtype(f"uint{depth}"))
    for depth in (8, 16)
    for channels in (1, 3)
}


def write(folder: Path, source: dict[str, Any], **sections: Any) -> Path:
    return write_spec(folder, source, **{"name": "test"} | sections)


def arrays(folder: Path, images: np.ndarray[Any, Any]) -> dict[str, Any]:
    """A source of these images, of two classes."""
    np.savez(folder / "a.npz", image=images, label=np.arange(len(images)) % 2)
    return {"layout": "npz", "path": "a.npz"}


@pytest.mark.parametrize("layout", ["directory", "csv"])
def test_max_pixels_holds_in_every_command_and_can_be_lowered_and_raised(
    tmp_path: Path, imgprep: Callable[..., Any], layout: str
) -> None:
    (tmp_path / "images" / "a").mkdir(parents=True)
    for name, side in (("small", 8), ("large", 40)):
        cv2.imwrite(str(tmp_path / "images" / "a" / f"{name}.png"), RANDOM.integers(0, 256, (side, side, 3), np.uint8))
    (tmp_path / "images" / "list.csv").write_text("location,label\na/large.png,a\na/small.png,a\n")
    source = {"layout": layout, "path": "images" if layout == "directory" else "images/list.csv"}
    spec = write(tmp_path, source, convert={"size": [4, 4], "max_pixels": 1599})
    reason = "PNG declares 1600 pixels (40x40), over the limit of 1599; raise convert.max_pixels if it is sound"
    report = json.loads(imgprep("audit", spec, "--format", "json").stdout)
    (unreadable,) = (f for f in report["findings"] if f["rule"] == "unreadable" and f["status"] == "fail")
    assert reason in json.dumps(unreadable)
    assert imgprep("convert", spec).returncode == 3
    lines = [json.loads(line) for line in (tmp_path / "out/convert/samples.jsonl").read_text().splitlines()]
    assert sorted(line["reason"] for line in lines if line["status"] == "quarantined") == [reason]
    raised = imgprep("convert", spec, "--set", "convert.max_pixels=1600")
    assert raised.returncode == 0, raised.stderr
    assert len(package.load(tmp_path / "out" / "convert")) == 2
    wrong = imgprep("convert", spec, "--set", "convert.max_pixels=0")
    assert (wrong.returncode, "convert.max_pixels" in wrong.stderr) == (2, True)


def test_an_image_beyond_the_usual_limit_is_read_when_the_spec_allows_it(
    tmp_path: Path, imgprep: Callable[..., Any]
) -> None:
    """What OpenCV itself refuses otherwise."""
    (tmp_path / "images" / "a").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images" / "a" / "1.png"), np.full((13_400, 13_400, 1), 7, np.uint8))
    spec = write(tmp_path, {"layout": "directory", "path": "images"}, convert={"size": [4, 4], "channels": "gray"})
    assert (
        "over the limit of 178956970; raise convert.max_pixels"
        in imgprep("convert", spec).stderr + (tmp_path / "out/convert/samples.jsonl").read_text()
    )
    raised = imgprep("convert", spec, "--set", "convert.max_pixels=200000000")
    assert raised.returncode == 0, raised.stderr
    assert (package.load(tmp_path / "out" / "convert")[0][0] == 7).all()


def test_the_limit_of_the_spec_is_that_of_the_decoder() -> None:
    assert section(ConvertSettings).max_pixels == DecodeOptions().max_pixels


@pytest.mark.parametrize("kind", PIXELS, ids=lambda kind: f"{kind[0]}-bit-{kind[1]}")
def test_every_step_runs_in_convert_and_keeps_the_depth(
    tmp_path: Path, imgprep: Callable[..., Any], kind: tuple[int, int]
) -> None:
    depth = kind[0]
    images = PIXELS[kind]
    source = arrays(tmp_path, images)
    for name in STEPS:
        options = ARGUMENTS.get(name, {})
        convert = {"channels": "keep", "depth": depth, "steps": [{name: options} if options else name]}
        done = imgprep("convert", write(tmp_path, source, convert=convert))
        assert done.returncode == 0, done.stderr
        made = package.load(tmp_path / "out" / "convert")
        step = STEPS[name](**{key: tuple(v) if isinstance(v, list) else v for key, v in options.items()})
        for row, image in enumerate(images):
            found = made[row][0]
            assert found.dtype == image.dtype, name
            np.testing.assert_array_equal(found, step(image), name)


def test_steps_are_done_in_their_order(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    images = PIXELS[16, 3]
    steps = ["gray", "invert", {"center_crop": {"size": [10, 12]}}, {"repeat": {"factor": 3}}]
    spec = write(tmp_path, arrays(tmp_path, images), convert={"depth": "keep", "size": [20, 24], "steps": steps})
    done = imgprep("convert", spec)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "convert" / "dataset.json").read_bytes())
    assert manifest["image"]["shape"] == [30, 36, 1]
    assert manifest["image"]["dtype"] == "uint16"


def presets(images: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """What the presets mean, by their definition."""
    unit = images / np.iinfo(images.dtype).max
    return {
        "keras-tf": unit * 2 - 1,
        "keras-caffe": unit[..., ::-1] * 255 - [103.939, 116.779, 123.68],
        "torch-imagenet": (unit - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    }


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("preset", presets(PIXELS[8, 3]))
def test_presets_of_pretrained_networks(tmp_path: Path, imgprep: Callable[..., Any], preset: str, depth: int) -> None:
    images = PIXELS[depth, 3]
    spec = write(
        tmp_path,
        arrays(tmp_path, images),
        convert={"depth": depth},
        split={"test": 2, "validation": 0},
        pack={"normalize": preset},
    )
    done = imgprep("pack", spec)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "pack" / "dataset.json").read_bytes())
    assert manifest["image"]["color"] == ("BGR" if preset == "keras-caffe" else "RGB")
    assert manifest["normalization"]["kind"] == preset
    records = map(json.loads, (tmp_path / "out" / "pack" / "samples.jsonl").read_text().splitlines())
    expected = presets(images)[preset]
    for number, record in enumerate(records):
        split = package.load(tmp_path / "out" / "pack", split=record["split"])
        np.testing.assert_allclose(split[record["row"]][0], expected[number], rtol=1e-5, atol=2e-5)


def test_a_preset_for_colour_refuses_grey(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    source = arrays(tmp_path, PIXELS[8, 1])
    spec = write(tmp_path, source, convert={"channels": "gray"}, pack={"normalize": "torch-imagenet"})
    done = imgprep("pack", spec)
    assert done.returncode == 2
    assert "torch-imagenet" in done.stderr


def test_all_eight_orientations_give_the_same_upright_image(
    tmp_path: Path, shared_data: Path, imgprep: Callable[..., Any]
) -> None:
    with tarfile.open(shared_data / "exif.tar") as archive:
        for member in archive.getmembers():
            label, _, _ = Path(member.name).stem.partition("_")
            file = archive.extractfile(member)
            if file is not None:
                (tmp_path / "exif" / label).mkdir(parents=True, exist_ok=True)
                (tmp_path / "exif" / label / Path(member.name).name).write_bytes(file.read())
    source = {"layout": "directory", "path": "exif"}
    done = imgprep("convert", write(tmp_path, source, convert={"size": [90, 90], "channels": "gray"}))
    assert done.returncode == 0, done.stderr
    made = package.load(tmp_path / "out" / "convert")
    lines = (tmp_path / "out" / "convert" / "samples.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    rotated = {record["id"]: "exif-rotated" in record["flags"] for record in records}
    seen: dict[str, list[np.ndarray[Any, Any]]] = {"Landscape": [], "Portrait": []}
    for row, record in enumerate(records):
        seen[record["label"]].append(made[row][0].astype(float))
        number = int(Path(record["id"]).stem[-1])
        assert rotated[record["id"]] == (number > 1)
    for images in seen.values():
        assert len(images) == 9
        for image in images[1:]:
            # They were rotated and saved as JPEG again: near, and far from every turned or mirrored one.
            assert np.abs(image - images[0]).mean() < 3
        turned = [np.rot90(images[0], quarter) for quarter in (1, 2, 3)] + [images[0][::-1], images[0][:, ::-1]]
        assert min(np.abs(image - images[0]).mean() for image in turned) > 15


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ({"fit": "stretch"}, (60, 60, 200)),
        ({"fit": "pad"}, (0, 60, 200)),
        ({"fit": "pad", "fill": "edge"}, (60, 60, 200)),
        ({"fit": "pad", "fill": "reflect"}, (60, 60, 200)),
        ({"fit": "crop"}, (200, 200, 200)),
    ],
)
def test_fit(tmp_path: Path, imgprep: Callable[..., Any], fit: dict[str, str], expected: tuple[int, ...]) -> None:
    for label in "ab":
        (tmp_path / "images" / label).mkdir(parents=True)
        image = np.full((40, 20, 3), 60, np.uint8)
        image[10:30] = 200
        assert cv2.imwrite(str(tmp_path / "images" / label / "1.png"), image)
    convert = {"size": [20, 20]} | fit
    spec = write(tmp_path, {"layout": "directory", "path": "images"}, convert=convert)
    done = imgprep("convert", spec)
    assert done.returncode == 0, done.stderr
    pixels = package.load(tmp_path / "out" / "convert")[0][0][:, :, 0].astype(int)
    assert (pixels[0, 0], pixels[0, 10], pixels[10, 10]) == expected
