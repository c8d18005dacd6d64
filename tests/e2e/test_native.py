"""The native code changes no byte of the shards; dataset.json says whether it was used."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import imgprep
from imgprep.transforms import affine, area
from imgprep.util.native import SWITCH

pytestmark = pytest.mark.usefixtures("native_chosen_anew")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    random = np.random.default_rng(5)
    for number in range(12):
        depth = np.uint16 if number % 3 == 0 else np.uint8
        shape = (70 + number, 93, 3) if number % 2 else (64, 50 + number)
        image = random.integers(0, np.iinfo(depth).max, shape, depth)
        file = tmp_path / "images" / f"class{number % 2}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image)
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "name: x\nsource: {layout: directory, path: images}\n"
        "convert: {size: [31, 29], depth: 16}\nexecution: {engine: serial}\n"
    )
    return spec


def test_with_and_without_native_code_the_shards_are_the_same(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imgprep._native", reason="needs a C compiler")
    shards, used = [], []
    for switch in ("1", "0"):
        monkeypatch.setenv(SWITCH, switch)
        area._kernel.cache_clear()
        output = spec.parent / switch
        imgprep.convert(spec, output=output)
        index = json.loads((output / "convert" / "dataset.json").read_text())
        shards.append([shard["sha256"] for shard in index["shards"]])
        used.append(index["versions"]["area_resizer"].split()[0])
    assert used == ["native", "opencv"]
    assert shards[0] == shards[1]


def test_with_and_without_native_code_the_augmented_images_are_the_same(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = pytest.importorskip("imgprep._native", reason="needs a C compiler")
    chain = "[{flip: {horizontal: 0.5}}, {rotate: {degrees: [-20, 20]}}, {zoom: {factor: [0.9, 1.3]}}]"
    text = spec.read_text().replace("size: [31, 29], depth: 16", "size: [33, 47]")
    spec.write_text(f"{text}augment: {{per_image: 3, transforms: {chain}}}\n")
    shards, used = [], []
    for switch in ("1", "0"):
        monkeypatch.setenv(SWITCH, switch)
        for module in (affine, area):
            module._kernel.cache_clear()
        output = spec.parent / switch
        imgprep.convert(spec, output=output)
        imgprep.augment(spec, output=output)
        index = json.loads((output / "augment" / "dataset.json").read_text())
        shards.append([shard["sha256"] for shard in index["shards"]])
        used.append(index["versions"]["affine_warper"].split()[0])
    assert used == ["native" if native.WARP else "opencv", "opencv"]
    assert shards[0] == shards[1]


def test_a_dataset_made_without_native_code_is_up_to_date_with_it(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imgprep._native", reason="needs a C compiler")
    made = []
    for switch in ("0", "1"):
        monkeypatch.setenv(SWITCH, switch)
        area._kernel.cache_clear()
        imgprep.convert(spec, output=spec.parent / "out")
        made.append((spec.parent / "out" / "convert" / "dataset.json").stat().st_mtime_ns)
    assert made[0] == made[1]
