"""`convert.decode: fast`: the pixels that libjpeg gives at a part of the size, and everything else as ever."""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

import imgprep
from tests.support.project import Project

SIZE = (12, 16)
SHAPE = (200, 264)
"""Of the photographs: an eighth leaves 25 x 33 pixels."""


def photo(seed: int, shape: tuple[int, int] = SHAPE) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (9, 11, 3), np.uint8)
    return Image.fromarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "images"
    turned = Image.Exif()
    turned[0x0112] = 6
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        seed = ord(label)
        photo(seed).save(folder / label / "photo.jpg", quality=92)
        photo(seed + 10).save(folder / label / "progressive.jpg", quality=90, progressive=True)
        photo(seed + 20).convert("L").save(folder / label / "grey.jpg", quality=90)
        photo(seed + 30, SHAPE[::-1]).save(folder / label / "turned.jpg", quality=90, exif=turned)
        photo(seed + 40, (40, 40)).save(folder / label / "small.jpg", quality=90)
        photo(seed + 50).save(folder / label / "other.png")
    cut = (folder / "a" / "photo.jpg").read_bytes()
    (folder / "b" / "cut.jpg").write_bytes(cut[: len(cut) // 2] + b"\xff\xd9")
    dot = np.full((*SHAPE, 3), 9, np.uint8)
    dot[100, 100] = 13
    Image.fromarray(dot).save(folder / "a" / "dot.jpg", quality=98, subsampling=0)
    Image.fromarray(dot * 0).save(folder / "a" / "black.jpg")
    return folder


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory, source: Path) -> dict[str, Project]:
    found = {}
    execution = {"engine": "serial", "max_quarantined": 1}
    for decode in ("exact", "fast"):
        folder = tmp_path_factory.mktemp(decode)
        project = Project(folder, source, {"execution": execution, "convert": {"size": [*SIZE], "decode": decode}})
        project.write()
        done = project.call("run", project.spec, "--no-gate", "-q")
        assert done.returncode == 0, done.stderr
        found[decode] = project
    return found


def rows(project: Project) -> dict[str, Any]:
    dataset = imgprep.load(project.output / "convert")
    return {id_: np.array(row) for id_, row in zip(dataset.ids, dataset.arrays()[0], strict=True)}


def reduced(path: Path, height: int, width: int) -> Any:
    """By libjpeg itself, and OpenCV's resize."""
    colors = "GRAY" if path.stem == "grey" else "RGB"
    part = simplejpeg.decode_jpeg(path.read_bytes(), colors, min_height=height, min_width=width)
    assert part.shape[:2] == (height, width)
    return part.repeat(3, axis=2) if colors == "GRAY" else part


def resized(pixels: Any) -> Any:
    return cv2.resize(np.ascontiguousarray(pixels), SIZE[::-1], interpolation=cv2.INTER_AREA)


def test_pixels_are_those_of_the_decoder_at_a_part_of_the_size(projects: dict[str, Project], source: Path) -> None:
    made = rows(projects["fast"])
    for label in ("a", "b"):
        for name in ("photo", "progressive", "grey"):
            part = reduced(source / label / f"{name}.jpg", 25, 33)
            np.testing.assert_array_equal(made[f"{label}/{name}.jpg"], resized(part))
        part = np.rot90(reduced(source / label / "turned.jpg", 33, 25), 3)
        np.testing.assert_array_equal(made[f"{label}/turned.jpg"], resized(part))


def test_they_are_close_to_those_of_the_whole(projects: dict[str, Project]) -> None:
    exact, fast = rows(projects["exact"]), rows(projects["fast"])
    for id_, whole in exact.items():
        away = np.abs(whole.astype(int) - fast[id_])
        assert away.mean() < 3, id_
        same = id_.endswith((".png", "small.jpg", "dot.jpg", "black.jpg"))
        assert (not away.any()) == same, id_


def test_everything_else_is_the_same(projects: dict[str, Project], source: Path) -> None:
    exact, fast = (project.samples() for project in projects.values())
    assert exact == fast
    assert fast["b/cut.jpg"]["status"] == "quarantined"
    assert [id_ for id_, record in fast.items() if "constant" in record["flags"]] == ["a/black.jpg"]
    assert fast["a/turned.jpg"]["flags"] == ["exif-rotated"]
    assert fast["a/dot.jpg"]["sha256"] == hashlib.sha256((source / "a" / "dot.jpg").read_bytes()).hexdigest()
    part = reduced(source / "a" / "dot.jpg", 25, 33)
    assert (part == part[0, 0]).all()  # so it is the whole image that is known not to be constant
    one, other = (project.report() for project in projects.values())
    assert one["findings"] == other["findings"]


def test_the_index_records_it(projects: dict[str, Project]) -> None:
    manifests = {decode: project.manifest("convert") for decode, project in projects.items()}
    assert {decode: index["preprocessing"]["decode"] for decode, index in manifests.items()} == {
        "exact": "exact",
        "fast": "fast",
    }
    assert manifests["exact"]["fingerprint"] != manifests["fast"]["fingerprint"]


def test_preprocess_gives_the_same_pixels(projects: dict[str, Project], source: Path) -> None:
    for project in projects.values():
        preprocessor = imgprep.Preprocessor(project.output / "convert")
        for id_, row in rows(project).items():
            np.testing.assert_array_equal(preprocessor(source / id_), row)


def test_a_change_converts_anew(tmp_path: Path, source: Path) -> None:
    project = Project(tmp_path, source, {"execution": {"engine": "serial", "max_quarantined": 1}})
    images = []
    for decode in ("exact", "fast", "exact"):
        project.write(convert={"size": [*SIZE], "decode": decode})
        done = project.call("convert", project.spec)
        assert done.returncode == 0, done.stderr
        assert ("convert.decode: " in done.stderr) == bool(images), done.stderr
        images.append(rows(project)["a/photo.jpg"])
    np.testing.assert_array_equal(images[0], images[2])
    assert (images[0] != images[1]).any()


def test_another_word_is_refused(tmp_path: Path, source: Path) -> None:
    project = Project(tmp_path, source)
    project.write(convert={"size": [*SIZE], "decode": "quick"})
    done = project.call("convert", project.spec)
    assert done.returncode == 2
    assert "convert.decode: expected exact or fast, not 'quick'" in done.stderr


def test_a_dataset_of_a_version_that_recorded_nothing_was_decoded_whole(
    projects: dict[str, Project], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imgprep.commands.preprocess as module

    read = module.read_manifest

    def older(folder: Path) -> Any:
        manifest = read(folder)
        del manifest.preprocessing["decode"]
        return manifest

    monkeypatch.setattr(module, "read_manifest", older)
    row = imgprep.preprocess(source / "a" / "photo.jpg", projects["exact"].output / "convert")
    np.testing.assert_array_equal(row, rows(projects["exact"])["a/photo.jpg"])
