"""A shard that lies alone says what its numbers mean."""

import json
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

import imgprep

CLASSES = ["grün", "no", "rot"]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    random = np.random.default_rng(1)
    for name in CLASSES:
        (folder / "images" / name).mkdir(parents=True)
        for number in range(12):
            image = random.integers(0, 256, (9, 8, 3), np.uint8)
            (folder / "images" / name / f"{number}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    spec = folder / "spec.yaml"
    spec.write_text(
        "name: x\nsource: {layout: directory, path: images}\noutput: out\n"
        "augment: {per_image: 1, transforms: [{flip: {horizontal: 1}}]}\n"
        "pack: {normalize: {standardize: channel}}\nexecution: {engine: serial}\n"
    )
    imgprep.pack(spec)
    return folder / "out"


def test_every_shard_names_its_classes_normalisation_colour_and_version(output: Path) -> None:
    for stage in ("convert", "augment", "pack"):
        index = json.loads((output / stage / "dataset.json").read_text())
        assert index["shards"]
        for shard in index["shards"]:
            with h5py.File(output / stage / shard["filename"]) as file:
                assert json.loads(file.attrs["classes"]) == CLASSES
                assert file.attrs["imgprep"] == imgprep.__version__
                assert file.attrs["color"] == index["image"]["color"]
                assert json.loads(file.attrs["normalization"]) == index["normalization"]


def test_the_normalisation_of_a_packed_shard_can_be_undone_from_the_shard_alone(output: Path) -> None:
    shard = next((output / "pack").glob("test-*.h5"))
    with h5py.File(shard) as file:
        told = json.loads(file.attrs["normalization"])
        image, name = file["image"][0], file["id"].asstr()[0]
    levels = image * (np.array(told["std"]).ravel() + told["epsilon"]) + np.array(told["mean"]).ravel()
    original = cv2.imread(str(output.parent / "images" / name))
    np.testing.assert_allclose(levels, original[:, :, ::-1], atol=0.01)


def test_shards_without_attributes_are_written_as_before(output: Path) -> None:
    imgprep.convert(output.parent / "spec.yaml", settings={"convert.format": "npz"}, output=output.parent / "npz")
    assert len(imgprep.load(output.parent / "npz" / "convert")) == 36
