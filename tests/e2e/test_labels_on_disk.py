"""The labels and the colour that a dataset holds and says, in every stage, format and layout."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import imgprep as package
from tests.support.specs import write_spec

STAGES = ("convert", "augment", "pack")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a spec over 24 grey images of two classes; gives its path."""
    images = np.random.default_rng(5).integers(0, 256, (24, 6, 5), np.uint8)
    np.savez(tmp_path / "a.npz", image=images, label=np.arange(24) % 2)

    def make(storage: str = "hdf5", channels: str = "gray", **pack: Any) -> Path:
        stored = {"format": storage}
        return write_spec(
            tmp_path,
            {"layout": "npz", "path": "a.npz"},
            name="test",
            convert={"channels": channels, **stored},
            split={"near_duplicates": "ignore"},
            augment={"per_image": 1, "transforms": ["flip"], **stored},
            pack={**stored, **pack},
        )

    return make


def labels_of(shard: Path) -> list[np.ndarray[Any, Any]]:
    """Every array called label in a shard, read without imgprep."""
    if shard.suffix == ".npz":
        with np.load(shard) as file:
            return [file["label"]]
    found: list[np.ndarray[Any, Any]] = []
    with h5py.File(shard) as file:
        file.visititems(lambda name, item: found.append(item[()]) if name.split("/")[-1] == "label" else None)
    return found


@pytest.mark.parametrize(("storage", "layout"), [("hdf5", "flat"), ("hdf5", "by_class"), ("npz", "flat")])
def test_labels_are_uint16_in_every_stage_format_and_layout(
    tmp_path: Path, imgprep: Callable[..., Any], write: Callable[..., Path], storage: str, layout: str
) -> None:
    assert imgprep("pack", write(storage, layout=layout)).returncode == 0
    for stage in STAGES:
        folder = tmp_path / "out" / stage
        assert json.loads((folder / "dataset.json").read_bytes())["labels"]["dtype"] == "uint16"
        for shard in folder.glob("*.h5" if storage == "hdf5" else "*.npz"):
            assert {array.dtype for array in labels_of(shard)} == {np.dtype(np.uint16)}
        assert imgprep("verify", folder).returncode == 0
        if layout == "flat":
            dataset = package.load(folder, split="train" if stage != "convert" else None)
            assert dataset.labels.dtype == dataset[:0][1].dtype == np.uint16
    assert "index, uint16" in imgprep("show", tmp_path / "out" / "pack").stdout


@pytest.mark.parametrize(("channels", "color"), [("gray", "gray"), ("keep", "gray"), ("rgb", "RGB")])
def test_the_index_says_gray_of_one_channel(
    tmp_path: Path, imgprep: Callable[..., Any], write: Callable[..., Path], channels: str, color: str
) -> None:
    assert imgprep("pack", write(channels=channels)).returncode == 0
    for stage in STAGES:
        assert json.loads((tmp_path / "out" / stage / "dataset.json").read_bytes())["image"]["color"] == color
        assert f", {color}\n" in imgprep("show", tmp_path / "out" / stage).stdout


@pytest.mark.parametrize("storage", ["hdf5", "npz"])
def test_a_dataset_written_with_labels_of_uint8_is_loaded_and_verified_as_before(
    tmp_path: Path,
    imgprep: Callable[..., Any],
    write: Callable[..., Path],
    storage: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as earlier:
        for module in ("convert.stage", "convert.shard_rows", "augment.job", "pack.job", "pack.stage"):
            earlier.setattr(f"imgprep.stages.{module}.label_dtype", lambda _: np.dtype(np.uint8))
        assert imgprep("pack", write(storage)).returncode == 0
    for stage in STAGES:
        folder = tmp_path / "out" / stage
        assert imgprep("verify", folder).returncode == 0
        dataset = package.load(folder, split="train" if stage != "convert" else None)
        assert dataset.labels.dtype == next(dataset.batches(3))[1].dtype == np.uint8
        assert "index, uint8" in imgprep("show", folder).stdout
