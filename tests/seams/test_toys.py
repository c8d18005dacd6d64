"""What somebody else adds to each seam in one file, by one line, works through the real command line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import imgprep as package
from tests.support.specs import write_spec
from tests.support.what_is_measured import unmeasured

SUPPORT = Path(__file__).parents[1] / "support"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Writes spec.yaml over two classes of 3 and 2 images and runs imgprep on it, with a toy registered."""
    for name, level in {"a/0": 10, "a/1": 100, "a/2": 200, "b/0": 150, "b/1": 220}.items():
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.full((4, 4), level, np.uint8))
    monkeypatch.syspath_prepend(str(SUPPORT))

    def call(toy: str, *arguments: str, **sections: Any) -> subprocess.CompletedProcess[str]:
        source = sections.pop("source", {"layout": "directory", "path": "images"})
        write_spec(tmp_path, source, **{"convert": {"channels": "gray", "size": [4, 4]}} | sections)
        command = [sys.executable, "-m", "toys", toy, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=unmeasured(), capture_output=True, text=True, check=False)

    return call


@pytest.fixture(autouse=True)
def _path_of_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    root = str(Path(package.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), root, os.environ.get("PYTHONPATH", "")]))


def levels(folder: Path) -> list[int]:
    """The level of each image of the convert stage."""
    return [int(image.flat[0]) for image, _ in package.load(folder / "out" / "convert")]


def test_a_layout(run: Run, tmp_path: Path) -> None:
    (tmp_path / "levels.txt").write_text("dark 5\nlight 250\ndark 9\n")
    done = run("source", "convert", "spec.yaml", source={"layout": "lines", "path": "levels.txt"})
    assert done.returncode == 0, done.stderr
    assert levels(tmp_path) == [5, 250, 9]
    refused = run("source", "convert", "spec.yaml", source={"layout": "lines", "path": "levels.txt", "paht": "x"})
    assert refused.returncode == 2
    assert "source.paht: unknown key 'paht'" in refused.stderr
    assert '"lines"' in run("source", "schema").stdout


def test_a_shard_format(run: Run, tmp_path: Path) -> None:
    section = {"channels": "gray", "size": [4, 4], "format": "zip"}
    done = run("shard_format", "convert", "spec.yaml", convert=section)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "out" / "convert").glob("*.zip")] == ["shard-00000-of-00001.zip"]
    with np.load(tmp_path / "out" / "convert" / "shard-00000-of-00001.zip") as arrays:
        assert arrays["image"][:, 0, 0, 0].tolist() == [10, 100, 200, 150, 220]
    packed = run("shard_format", "pack", "spec.yaml", convert=section, split={"test": 0, "validation": 0})
    assert packed.returncode == 0, packed.stderr
    images, _ = package.load(tmp_path / "out" / "pack", split="train").arrays()
    assert {*np.rint(images[:, 0, 0, 0] * 255).astype(int).tolist()} == {10, 100, 200, 150, 220}


def test_a_report(run: Run) -> None:
    done = run("report", "audit", "spec.yaml", "--format", "counts")
    assert done.returncode == 1
    assert " fail, " in done.stdout
    assert "a has 3 images, 1000 are needed" in done.stdout


def test_a_rule(run: Run) -> None:
    def found(**settings: Any) -> list[tuple[str, str, str]]:
        rules = {"even-numbers": settings, "class-size": {"min": 1}}
        done = run("rule", "audit", "spec.yaml", "--format", "json", audit={"rules": rules})
        findings = json.loads(done.stdout)["findings"]
        return [(f["class"], f["status"], f["severity"]) for f in findings if f["rule"] == "even-numbers"]

    assert sorted(found()) == [("a", "fail", "error"), ("b", "pass", "error")]
    assert sorted(found(least=4, severity="warning")) == [("a", "pass", "warning"), ("b", "pass", "warning")]


def test_a_step(run: Run, tmp_path: Path) -> None:
    steps = [{"posterize": {"bits": 1}}]
    done = run("step", "convert", "spec.yaml", convert={"channels": "gray", "size": [4, 4], "steps": steps})
    assert done.returncode == 0, done.stderr
    assert levels(tmp_path) == [0, 0, 128, 128, 128]


def test_an_engine(run: Run, tmp_path: Path) -> None:
    """Shards made in any order have the same bytes."""
    section = {"channels": "gray", "size": [4, 4], "shard_size": 32}
    assert run("engine", "convert", "spec.yaml", convert=section).returncode == 0
    shards = [path.read_bytes() for path in sorted((tmp_path / "out" / "convert").glob("*.h5"))]
    assert len(shards) == 3
    done = run("engine", "convert", "spec.yaml", "--force", convert=section, execution={"engine": "backwards"})
    assert done.returncode == 0, done.stderr
    assert [path.read_bytes() for path in sorted((tmp_path / "out" / "convert").glob("*.h5"))] == shards


def test_an_image_format(run: Run, tmp_path: Path) -> None:
    (tmp_path / "images" / "b" / "2.toy").write_bytes(b"TOY\x04\x04" + bytes([77] * 16))
    (tmp_path / "images" / "b" / "3.toy").write_bytes(b"TOY\x04\x04" + bytes([77] * 15))
    done = run("image_format", "convert", "spec.yaml")
    assert done.returncode == 3, done.stderr
    assert levels(tmp_path) == [10, 100, 200, 150, 220, 77]
    lines = map(json.loads, (tmp_path / "out" / "convert" / "samples.jsonl").read_text().splitlines())
    assert {line["id"]: line["reason"] for line in lines if line["status"] != "ok"} == {"b/3.toy": "truncated toy"}


def test_an_export_format(run: Run, tmp_path: Path) -> None:
    split = {"test": 0, "validation": 0}
    assert run("export_format", "split", "spec.yaml", split=split).returncode == 0
    done = run("export_format", "export", "out", "--to", "npy", "-o", "made", split=split)
    assert done.returncode == 0, done.stderr
    found = sorted((int(np.load(path).flat[0]), path.stem[-1]) for path in (tmp_path / "made").glob("train-*.npy"))
    assert found == [(10, "0"), (100, "0"), (150, "1"), (200, "0"), (220, "1")]
    assert "path: train-*.npy" in (tmp_path / "made" / "README.md").read_text()
    refused = run("export_format", "export", "out", "--to", "npz", "-o", "other", split=split)
    assert (refused.returncode, "npy" in refused.stderr) == (2, True)
