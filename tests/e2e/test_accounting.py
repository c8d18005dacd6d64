"""Found is what the source holds: one number in every stage, message and report, whatever is made from it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ACCOUNT = "27 found = 23 ok + 1 quarantined + 3 skipped"
IMAGES = 24


@pytest.fixture
def project(tmp_path: Path, new_project: Callable[..., Any]) -> Any:
    """24 images, one of them damaged, a text, a file of the Finder, a hidden folder; copies and a stress set."""
    random = np.random.default_rng(5)
    folder = tmp_path / "images"
    for label in ("fir", "yew"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            pixels = cv2.resize(random.integers(0, 256, (5, 5, 3), np.uint8), (16, 16))
            assert cv2.imwrite(str(folder / label / f"{number:02d}.png"), pixels)
    damaged = folder / "fir/07.png"
    damaged.write_bytes(damaged.read_bytes()[:60])
    (folder / "README.txt").write_text("about these images", "utf-8")
    (folder / "yew/.DS_Store").write_bytes(b"\0")
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails/x.png").write_bytes(b"x")
    return new_project(
        folder,
        audit={"rules": {"class-size": {"min": 1}, "unreadable": {"severity": "warning"}}},
        split={"test": 4, "validation": 0, "near_duplicates": "ignore"},
        augment={"per_class": 12, "transforms": [{"flip": {"horizontal": 0.5}}], "stress": ["inverted"]},
        execution={"workers": 2, "max_quarantined": 1},
    )


def test_one_number_in_every_stage(project):
    """Per class 2 of 12 are for test; copies top the 9 or 10 of training up to 12, and 4 test images are inverted."""
    plan = project.call("run", project.spec, "--dry-run").stdout
    assert "source: 27 found = 24 ok + 0 quarantined + 3 skipped, 2 classes" in plan
    done = project.call("run", project.spec)
    assert done.returncode == 0, done.stderr
    made = 24 - 19 + 4
    assert f"{ACCOUNT}; + {made} augmented" in done.stdout
    assert f"audit: {IMAGES} images in" in done.stderr
    assert f"convert: {IMAGES} images in" in done.stderr
    for stage, augmented in {"convert": 0, "split": 0, "augment": made, "pack": made}.items():
        numbers = {"found": 27, "ok": 23, "quarantined": 1, "skipped": 3}
        assert project.manifest(stage)["samples"] == numbers | ({"augmented": augmented} if augmented else {})
        more = f"; + {augmented} augmented" if augmented else ""
        assert f"{ACCOUNT}{more}\n" in project.call("show", project.output / stage).stdout
        assert f"out/{stage}: {ACCOUNT}{more} (up to date)" in project.call(stage, project.spec).stdout
    lines = (project.output / "pack/samples.jsonl").read_bytes().splitlines()
    assert len(lines) == 27 + made
    assert sum("parent" in json.loads(line) for line in lines) == made
    assert project.call("verify", project.output).returncode == 0


def test_the_audit_counts_images_alone(project):
    for stage in ("source", "convert", "split", "augment", "pack"):
        done = project.call("audit", project.spec, "--stage", stage, "--format", "json")
        report = json.loads(done.stdout)
        assert report["images"] == IMAGES, stage
        assert report.get("augmented", 0) == (9 if stage in {"augment", "pack"} else 0)
    assert "(24 images + 9 augmented; " in project.call("audit", project.spec, "--stage", "pack").stdout
    assert f"audit: {IMAGES} images are known from before" in project.call("audit", project.spec).stderr


def test_init_counts_images_alone(project):
    assert project.call("init", project.source, "-o", "started.yaml").returncode == 0
    text = (project.folder / "started.yaml").read_text("utf-8")
    assert text.startswith(f"# {IMAGES} images of 2 classes")


def test_a_quarantined_image_is_told_by_every_stage(project):
    """Its status does not depend on which command is run last."""
    for stage in ("convert", "split", "augment", "pack"):
        done = project.call(stage, project.spec, "--set", "execution.max_quarantined=0")
        assert done.returncode == 3, stage
        assert "1 image was quarantined" in done.stderr
        where = done.stderr.partition("allows 0; ")[2].split()[0]
        assert '"quarantined"' in (project.folder / where).read_text("utf-8")


def test_verify_misses_an_augmented_image_that_is_not_listed(project):
    assert project.call("run", project.spec).returncode == 0
    listed = project.output / "augment/samples.jsonl"
    lines = listed.read_bytes().splitlines(keepends=True)
    listed.write_bytes(b"".join(lines[1:]))
    done = project.call("verify", project.output / "augment")
    assert done.returncode == 1
    assert "8 images augmented, the index says 9" in done.stdout + done.stderr
