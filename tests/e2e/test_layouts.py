"""The same images in every layout, through the command line: convert, run, and init's own spec."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import imgprep as package
from tests.support.layouts import LAYOUTS, collection, section
from tests.support.specs import write_spec

COLOUR = collection(True)
EXPECTED = sorted((label, pixels.tobytes()) for label, found in COLOUR.items() for pixels in found)


def write(folder: Path, source: dict[str, Any], **sections: Any) -> Path:
    """A spec over a source, without demands; serial, since that starts quickest."""
    return write_spec(folder, source, **sections)


def rows(folder: Path) -> list[tuple[str, bytes]]:
    """(label, pixels) of everything in a stage, sorted."""
    dataset = package.load(folder)
    return sorted((dataset.classes[int(dataset[row][1])], dataset[row][0].tobytes()) for row in range(len(dataset)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_labels_and_pixels(
    tmp_path: Path, server: Any, imgprep: Callable[..., Any], layout: str
) -> None:
    (tmp_path / "images").mkdir()
    spec = write(tmp_path, section(LAYOUTS[layout](tmp_path / "images", COLOUR, server)))
    done = imgprep("run", spec, "--no-gate")
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "out" / "convert") == EXPECTED
    packed = json.loads((tmp_path / "out" / "pack" / "dataset.json").read_bytes())
    assert packed["classes"] == ["cat", "dog", "eel"]
    assert sum(sum(counts.values()) for counts in packed["counts"].values()) == 15


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_spec_of_init_runs_as_it_is(tmp_path: Path, server: Any, imgprep: Callable[..., Any], layout: str) -> None:
    images = tmp_path / "images"
    images.mkdir()
    source = LAYOUTS[layout](images, COLOUR, server)
    answer: list[str] = []
    if source.layout == "hierarchy":
        # Classes share the folders old and young: without an answer, the classes could as well be splits.
        done = imgprep("init", source.path, "-o", "my spec.yaml")
        assert (done.returncode, done.stdout) == (2, "")
        assert "cat and dog hold folders of the same names (old, young)" in done.stderr
        assert not (tmp_path / "my spec.yaml").exists()
        answer = ["--layout", "hierarchy"]
    done = imgprep("init", source.path, "-o", "my spec.yaml", *answer)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "my spec.yaml\n"
    spec = tmp_path / "my spec.yaml"
    content = yaml.safe_load(spec.read_text())
    assert content["source"]["layout"] == source.layout
    assert not Path(content["source"]["path"]).is_absolute()
    assert content["convert"]["size"] == ([224, 224] if layout == "csv_http" else [16, 12])
    assert spec.read_text().count("#") > 10
    private = ["--set", f"source.remote={{allow_private: true, cache: {tmp_path / 'cache'}}}"]
    remote = private if layout == "csv_http" else []
    done = imgprep("run", spec, "--no-gate", "--set", "execution.engine=serial", *remote)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / content["output"] / "pack" / "dataset.json").exists()


def test_the_spec_of_init_keeps_grey_and_16_bits(tmp_path: Path, imgprep: Callable[..., Any]) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (8, 10, 11), np.uint16)
    np.savez(tmp_path / "x rays.npz", image=pixels, label=np.arange(8) % 2)
    done = imgprep("init", "x rays.npz")
    assert (done.returncode, done.stdout) == (0, "x-rays.yaml\n"), done.stderr
    convert = yaml.safe_load((tmp_path / "x-rays.yaml").read_text())["convert"]
    assert convert == {"channels": "gray", "size": [10, 11], "fit": "stretch", "depth": 16, "steps": []}


def test_init_overwrites_only_when_forced(tmp_path: Path, collection: Path, imgprep: Callable[..., Any]) -> None:
    spec = tmp_path / "collection.yaml"
    spec.write_text("precious")
    done = imgprep("init", collection)
    assert done.returncode == 2
    assert "collection.yaml: is there already" in done.stderr
    assert spec.read_text() == "precious"
    assert imgprep("init", collection, "--force").returncode == 0
    assert yaml.safe_load(spec.read_text())["source"] == {"layout": "directory", "path": "collection"}


def test_init_inside_the_collection_puts_the_output_outside(collection: Path, imgprep: Callable[..., Any]) -> None:
    done = imgprep("init", ".", cwd=collection)
    assert done.returncode == 0, done.stderr
    content = yaml.safe_load((collection / "collection.yaml").read_text())
    assert content["output"] == "../collection-prepared"
    assert content["source"]["path"] == "."
    assert imgprep("convert", "collection.yaml", cwd=collection).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere",), 2, "no such file or folder"),
        (("collection/ash/0000.png",), 2, "no known layout"),
        (("collection", "-o", "collection"), 2, "is a folder"),
        (("collection", "-o", "none/spec.yaml"), 2, "no such folder"),
        (("damaged.npz",), 4, "damaged.npz"),
        ((), 2, "Missing argument"),
    ],
)
def test_init_refuses(
    tmp_path: Path, collection: Path, imgprep: Callable[..., Any], arguments: Any, code: int, message: str
) -> None:
    (tmp_path / "damaged.npz").write_bytes(b"PK\3\4 nothing of the kind")
    before = sorted(tmp_path.rglob("*"))
    done = imgprep("init", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("layout", ["hierarchy", "hdf5_hierarchical"])
def test_a_hierarchy_by_leaf_or_by_any_level(
    tmp_path: Path, server: Any, imgprep: Callable[..., Any], layout: str
) -> None:
    (tmp_path / "images").mkdir()
    source = section(LAYOUTS[layout](tmp_path / "images", COLOUR, server))
    classes = {
        1: ["cat", "dog", "eel"],
        None: ["cat/old", "cat/young", "dog/old", "dog/young", "eel/old", "eel/young"],
    }
    for level, expected in classes.items():
        spec = write(tmp_path, source | {"level": level})
        done = imgprep("pack", spec, "--force", "--output", tmp_path / f"level-{level}")
        assert done.returncode == 0, done.stderr
        manifest = json.loads((tmp_path / f"level-{level}" / "pack" / "dataset.json").read_bytes())
        assert manifest["classes"] == expected
        lines = (tmp_path / f"level-{level}" / "convert" / "samples.jsonl").read_text().splitlines()
        for record in map(json.loads, lines):
            kept = record["attributes"]
            assert (kept["level1"], kept["level2"]) in {(a, b) for a in COLOUR for b in ("young", "old")}
