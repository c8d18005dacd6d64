"""Normalisation by statistics: which images they come from, and that values are those of numpy in float64."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgprep as package
from tests.support.specs import write_spec

NORMALIZE: dict[str, Any] = {
    "global": {"standardize": "global"},
    "channel": {"standardize": "channel"},
    "pixel": {"standardize": "pixel"},
    "position": {"standardize": {"pixel": "per_position"}},
    "center-global": {"center": "global"},
    "center-channel": {"center": "channel"},
    "center-pixel": {"center": "pixel"},
}
MEANS: dict[str, Any] = {"global": None, "channel": (0, 1, 2), "pixel": 0, "position": 0}
DEVIATIONS: dict[str, Any] = {"global": None, "channel": (0, 1, 2), "pixel": None, "position": 0}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a spec over 40 images of two classes, of which the training images are topped up by negatives."""
    images = (np.random.default_rng(8).beta(2, 5, (40, 6, 5, 3)) * 255).astype(np.uint8)
    np.savez(tmp_path / "a.npz", image=images, label=np.arange(40) % 2)

    def make(augment: dict[str, Any] | None = None, **sections: Any) -> Path:
        content = {
            "name": "test",
            "audit": {"rules": {"class-size": {"min": 1}}},
            "split": {"near_duplicates": "ignore", "validation": 0.2},
            **({} if augment is None else {"augment": augment}),
        }
        return write_spec(tmp_path, {"layout": "npz", "path": "a.npz"}, **content | sections)

    return make


def levels(folder: Path, *, copies: bool) -> np.ndarray[Any, Any]:
    """(N, H, W, C) float64: the training images before the normalisation, by the ids that pack says are train."""
    train = set(package.load(folder / "pack", split="train").ids)
    stages = [package.load(folder / "convert")]
    if copies:
        stages.append(package.load(folder / "augment", split="train"))
    rows = [image for stage in stages for id_, (image, _) in zip(stage.ids, stage, strict=True) if id_ in train]
    return np.array(rows, np.float64)


def statistics(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "pack" / "dataset.json").read_bytes())["normalization"]
    return found


MADE = {
    "copies": {"per_image": 2, "transforms": ["invert"]},
    "mix": {"mix": {"invert": 0.5}},
    "both": {"per_image": 1, "transforms": ["invert"], "mix": {"invert": 0.5}},
}


@pytest.mark.parametrize("augment", MADE.values(), ids=MADE)
@pytest.mark.parametrize("wanted", ["originals", "all", None])
@pytest.mark.parametrize("normalize", ["channel", "center-pixel"])
def test_statistics_come_from_originals_unless_all_are_asked_for(
    tmp_path: Path,
    imgprep: Callable[..., Any],
    write: Callable[..., Path],
    augment: dict[str, Any],
    wanted: str | None,
    normalize: str,
) -> None:
    pack = {"normalize": NORMALIZE[normalize]} | ({"statistics": wanted} if wanted else {})
    spec = write(augment, pack=pack)
    assert imgprep("pack", spec).returncode == 0
    train = levels(tmp_path / "out", copies=wanted == "all")
    found = statistics(tmp_path / "out")
    assert (found["statistics"], found["images"]) == (wanted or "originals", len(train))
    scope = normalize.removeprefix("center-")
    np.testing.assert_allclose(found["mean"], train.mean(MEANS[scope]), rtol=1e-12)
    shown = imgprep("show", tmp_path / "out" / "pack").stdout
    assert f"{wanted or 'originals'}: of {len(train)} " in shown
    done = imgprep("audit", spec, "--stage", "pack", "--format", "json")
    (finding,) = [f for f in json.loads(done.stdout)["findings"] if f["rule"] == "packed-statistics"]
    assert (done.returncode, finding["status"]) == (0, "pass")
    assert finding["message"].endswith("and their copies" if wanted == "all" else "without their copies")


def test_the_audit_finds_statistics_of_other_images(
    tmp_path: Path, imgprep: Callable[..., Any], write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write(MADE["copies"], pack={"normalize": NORMALIZE["global"], "statistics": "all"})
    from imgprep.stages.pack import stage as pack

    def lying(*arguments: Any) -> Any:
        normalizer, facts = genuine(*arguments)
        return normalizer, facts | {"statistics": "originals"}

    genuine = pack.fitted
    monkeypatch.setattr(pack, "fitted", lying)
    assert imgprep("pack", spec).returncode == 0
    done = imgprep("audit", spec, "--stage", "pack", "--format", "json")
    (finding,) = [f for f in json.loads(done.stdout)["findings"] if f["rule"] == "packed-statistics"]
    assert (done.returncode, finding["status"]) == (1, "fail")
    assert "without their copies, but the mean of these is" in finding["message"]


@pytest.mark.parametrize("name", NORMALIZE)
@pytest.mark.parametrize("depth", [8, 16])
def test_packed_values_are_those_of_numpy(
    tmp_path: Path, imgprep: Callable[..., Any], write: Callable[..., Path], name: str, depth: int
) -> None:
    spec = write(convert={"depth": depth}, pack={"normalize": NORMALIZE[name], "dtype": "float64"})
    assert imgprep("pack", spec).returncode == 0
    train = levels(tmp_path / "out", copies=False)
    converted = package.load(tmp_path / "out" / "convert")
    before = dict(zip(converted.ids, converted.arrays()[0].astype(np.float64), strict=True))
    scope = name.removeprefix("center-")
    mean, std = train.mean(MEANS[scope]), train.std(DEVIATIONS[scope])
    for split in ("train", "validation", "test"):
        packed = package.load(tmp_path / "out" / "pack", split=split)
        for id_, (image, _) in zip(packed.ids, packed, strict=True):
            wanted = before[id_] - mean
            np.testing.assert_allclose(image, wanted if name != scope else wanted / (std + 1e-7), rtol=1e-9, atol=1e-9)
    assert imgprep("verify", tmp_path / "out").returncode == 0
    assert ("std" in statistics(tmp_path / "out")) == (name == scope)


@pytest.mark.parametrize("name", ["samplewise", "center"])
@pytest.mark.parametrize("channels", ["gray", "rgb"])
def test_each_image_is_standardised_by_itself(
    tmp_path: Path, imgprep: Callable[..., Any], write: Callable[..., Path], name: str, channels: str
) -> None:
    normalize = "samplewise" if name == "samplewise" else {"center": "samplewise"}
    spec = write(convert={"channels": channels}, pack={"normalize": normalize}, split={"method": "kfold", "folds": 4})
    assert imgprep("pack", spec).returncode == 0
    converted = package.load(tmp_path / "out" / "convert")
    before = dict(zip(converted.ids, converted.arrays()[0].astype(np.float64), strict=True))
    for split in ("fold-1", "fold-4"):
        packed = package.load(tmp_path / "out" / "pack", split=split)
        for id_, (image, _) in zip(packed.ids, packed, strict=True):
            level = before[id_]
            wanted = level - level.mean()
            np.testing.assert_allclose(image, wanted / (level.std() + 1e-7 if name == "samplewise" else 1), atol=1e-5)
    assert imgprep("verify", tmp_path / "out").returncode == 0


def test_percentile_may_leave_0_to_1(tmp_path: Path, imgprep: Callable[..., Any], write: Callable[..., Path]) -> None:
    spec = write(pack={"normalize": "percentile"})
    assert imgprep("pack", spec).returncode == 0
    assert package.load(tmp_path / "out" / "pack", split="train").arrays()[0].max() > 1
    assert imgprep("audit", spec, "--stage", "pack").returncode == 0
