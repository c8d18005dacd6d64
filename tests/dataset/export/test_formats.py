"""Every export format keeps the contract, and what is exported is never anything else than the pixels that it says."""

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

import imgprep
from imgprep.commands.export_pixels import stored_pixels
from imgprep.dataset.export import EXPORTS
from imgprep.dataset.export.base import Export
from imgprep.dataset.export.crc32c import crc32c
from imgprep.dataset.export.licenses import hub_licenses, license_urls
from imgprep.dataset.records import usable_records
from imgprep.testing.exports import check_export
from tests.support.project import Project

SPLIT = {"test": 1, "validation": 0, "near_duplicates": "ignore"}


def _project(folder: Path, depth: int = 8, gray: bool = False, **sections: Any) -> Project:
    """Six images of 20 x 24 in two classes, whose pixels are known, up to a stage."""
    made = Project(folder, folder / "images", {"convert": {"size": None}, "split": SPLIT})
    made.draw(cat=3, dog=3)
    random = np.random.default_rng(1)
    for path in made.source.rglob("*.png"):
        shape = (20, 24) if gray else (20, 24, 3)
        assert cv2.imwrite(str(path), random.integers(0, 2**depth, shape, np.uint16 if depth > 8 else np.uint8))
    made.write(**sections)
    return made


def _export(project: Project, out: Path, *more: object, of: str = "") -> str:
    done = project.call("export", project.output / of, "--to", "imagefolder", "-o", out, *more)
    assert done.returncode == 0, done.stderr
    return done.stderr


def _pictures(folder: Path) -> dict[str, Any]:
    """The exported pictures as Pillow reads them."""
    paths = (path for path in folder.glob("*/*/*") if path.suffix in {".png", ".jpg", ".webp"})
    return {f"{path.parent.name}/{path.stem}": np.asarray(Image.open(path)) for path in paths}


def _sources(project: Project) -> dict[str, Any]:
    """The images themselves as Pillow reads them."""
    paths = project.source.rglob("*.png")
    return {f"{path.parent.name}/{path.stem}": np.asarray(Image.open(path)) for path in paths}


def _same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, pixels in found.items():
        np.testing.assert_array_equal(pixels, expected[name])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Packed as floats by a normalisation."""
    made = _project(tmp_path_factory.mktemp("plain"), pack={"normalize": "keras-caffe", "labels": "one_hot"})
    assert made.call("run", made.spec).returncode == 0
    return made


@pytest.mark.parametrize("name", list(EXPORTS))
def test_every_format_keeps_the_contract(plain: Project, tmp_path: Path, name: str) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    stored = stored_pixels(plain.output, "png")
    parts = tuple(imgprep.load(folder) for folder in stored.folders)
    records = {record.id: record for record in usable_records(stored.folders[0])}
    splits = {id_: record["split"] for id_, record in plain.samples("split").items()}
    check_export(EXPORTS[name], Export(parts, records, splits, stored.color), tmp_path)


def test_pixels_before_the_normalisation_are_exported_and_that_is_said(plain: Project, tmp_path: Path) -> None:
    said = _export(plain, tmp_path / "out")
    expected = "those of convert, uint8 RGB of 20 x 24; not those of pack, which are float32, normalised (keras-caffe)"
    assert f"the pixels are {expected}\n" in said
    assert f"\nPixels: {expected}\n" in (tmp_path / "out" / "README.md").read_text()
    _same(_pictures(tmp_path / "out"), _sources(plain))


def test_jpeg_and_webp_are_these_pixels_too(plain: Project, tmp_path: Path) -> None:
    assert "JPEG changes them" in _export(plain, tmp_path / "jpeg", "--files", "jpeg:100")
    sources = _sources(plain)
    for name, pixels in _pictures(tmp_path / "jpeg").items():  # of noise JPEG keeps little, but red is red
        means = [each.astype(float).mean((0, 1)) for each in (pixels, sources[name])]
        np.testing.assert_allclose(*means, atol=4)
    assert "JPEG" not in _export(plain, tmp_path / "webp", "--files", "webp")
    _same(_pictures(tmp_path / "webp"), _sources(plain))


def test_of_a_normalised_pack_the_pixels_of_convert_beside_it_are_exported(plain: Project, tmp_path: Path) -> None:
    done = plain.call("export", plain.output / "pack", "--to", "imagefolder", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "those of convert, uint8 RGB of 20 x 24; not those of pack" in done.stderr
    _same(_pictures(tmp_path / "out"), _sources(plain))


def test_normalised_pixels_are_refused_by_what_they_are(plain: Project, tmp_path: Path) -> None:
    alone = shutil.copytree(plain.output / "pack", tmp_path / "pack")
    done = plain.call("export", alone, "--to", "imagefolder", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "its pixels are float32, normalised (keras-caffe); export the output" in done.stderr


def test_packed_levels_are_exported_with_one_hot_labels(tmp_path: Path) -> None:
    pack = {"normalize": "none", "dtype": "uint8", "labels": "one_hot"}
    project = _project(tmp_path, pack=pack)
    assert project.call("run", project.spec).returncode == 0
    assert "those of pack, uint8 RGB of 20 x 24\n" in _export(project, tmp_path / "made")
    _same(_pictures(tmp_path / "made"), _sources(project))


def test_levels_packed_as_floats_are_taken_from_convert(tmp_path: Path) -> None:
    project = _project(tmp_path, pack={"normalize": "none", "dtype": "float32"})
    assert project.call("run", project.spec).returncode == 0
    assert "not those of pack, which are float32\n" in _export(project, tmp_path / "made")
    _same(_pictures(tmp_path / "made"), _sources(project))


def test_grey_images_stay_grey(tmp_path: Path) -> None:
    project = _project(tmp_path, gray=True, convert={"channels": "gray", "size": None})
    assert project.call("split", project.spec).returncode == 0
    _export(project, tmp_path / "png")
    _same(_pictures(tmp_path / "png"), _sources(project))
    _export(project, tmp_path / "webp", "--files", "webp")  # which knows no grey: the three channels are the same
    _same(_pictures(tmp_path / "webp"), {name: np.dstack([each] * 3) for name, each in _sources(project).items()})


def test_grey_images_of_16_bits_are_written_as_png_and_as_nothing_else(tmp_path: Path) -> None:
    convert = {"channels": "gray", "size": None, "depth": 16}
    project = _project(tmp_path, depth=16, gray=True, convert=convert, pack={"dtype": "uint16", "normalize": "none"})
    assert project.call("split", project.spec).returncode == 0
    assert "uint16 gray" in _export(project, tmp_path / "made")
    _same(_pictures(tmp_path / "made"), _sources(project))
    for files in ("jpeg", "webp"):
        done = project.call("export", "out", "--to", "imagefolder", "-o", "other", "--files", files)
        assert (done.returncode, "take --files png" in done.stderr) == (2, True)


def test_colours_of_16_bits_are_refused(tmp_path: Path) -> None:
    pack = {"dtype": "uint16", "normalize": "none"}
    project = _project(tmp_path, depth=16, convert={"size": None, "depth": 16}, pack=pack)
    assert project.call("split", project.spec).returncode == 0
    done = project.call("export", "out", "--to", "tfrecord", "-o", "made")
    assert done.returncode == 2
    assert "programs read 16-bit colours as 8 bits; set convert.depth: 8" in done.stderr


def test_the_packed_order_of_channels_is_turned_back(tmp_path: Path) -> None:
    """keras-caffe packs BGR; the pictures have red where the source has it, whichever stage they come from."""
    project = _project(tmp_path, pack={"normalize": "keras-caffe"})
    assert project.call("run", project.spec).returncode == 0
    _export(project, tmp_path / "made")
    _same(_pictures(tmp_path / "made"), _sources(project))


def test_images_and_the_copies_made_of_them_are_exported_together(tmp_path: Path) -> None:
    augment = {"per_image": 2, "transforms": [{"flip": {"horizontal": 0.5}}]}
    project = _project(tmp_path, augment=augment, pack={"normalize": "unit"})
    assert project.call("run", project.spec).returncode == 0
    said = _export(project, tmp_path / "made")
    assert "those of convert and augment, uint8 RGB" in said
    found, sources = _pictures(tmp_path / "made"), _sources(project)
    copies = {name: found.pop(name) for name in list(found) if name not in sources}
    _same(found, sources)
    assert len(copies) == len(imgprep.load(project.output / "augment")) == 10  # two of each of five training images
    originals = project.call("export", "out", "--to", "imagefolder", "-o", "o", "--files", "copy", "--source", "images")
    assert "10 images were left out" in originals.stderr


@pytest.mark.parametrize(("size", "shards"), [("1", 5), ("3500", 3), ("1 MB", 1)])
def test_shards_have_the_size_that_was_asked_for(plain: Project, tmp_path: Path, size: str, shards: int) -> None:
    done = plain.call("export", "out", "--to", "webdataset", "-o", tmp_path / "o", "--shard-size", size)
    assert done.returncode == 0, done.stderr
    found = sorted((tmp_path / "o").glob("train-*.tar"))
    assert [path.name for path in found] == [f"train-{number:05d}.tar" for number in range(shards)]
    keys: list[str] = []
    for path in found:
        with tarfile.open(path) as tar:
            keys += [name for name in tar.getnames() if name.endswith(".cls")]
    assert keys == [f"train-{number:09d}.cls" for number in range(5)]


@pytest.mark.parametrize(("to", "size"), [("webdataset", "0"), ("webdataset", "many"), ("imagefolder", "1 MB")])
def test_wrong_sizes_of_shards_are_refused(plain: Project, tmp_path: Path, to: str, size: str) -> None:
    done = plain.call("export", "out", "--to", to, "-o", tmp_path / "o", "--shard-size", size)
    assert done.returncode == 2
    assert done.stderr.startswith("imgprep: error: --shard-size: ")


def test_the_head_of_the_card_names_classes_files_and_licences(tmp_path: Path) -> None:
    project = _project(tmp_path)
    rows = "".join(f"{path.relative_to(project.source)},CC BY 4.0\n" for path in project.source.rglob("*.png"))
    (tmp_path / "about.csv").write_text(f"id,license\n{rows}")
    source = {"layout": "directory", "path": str(project.source), "attributes": "about.csv"}
    project.write(source=source, audit={"rules": {"class-size": {"min": 1}}})
    assert project.call("run", project.spec).returncode == 0
    done = project.call("export", "out", "--to", "imagefolder", "-o", "made")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "made" / "README.md").read_text()
    head = yaml.safe_load(text.split("---")[1])
    assert head["license"] == "cc-by-4.0"
    (label,) = (each["dtype"] for each in head["dataset_info"]["features"] if each["name"] == "label")
    assert label == {"class_label": {"names": {"0": "cat", "1": "dog"}}}
    assert {"split": "train", "path": "train/**"} in head["configs"][0]["data_files"]
    assert "Licences: CC BY 4.0\n" in text
    assert "Audit: passed on 6 images, 0 errors" in text
    croissant = json.loads((tmp_path / "made" / "croissant.json").read_bytes())
    assert croissant["license"] == "https://creativecommons.org/licenses/by/4.0/"
    records = {each["@id"]: each for each in croissant["recordSet"]}
    assert records["classes"]["data"] == [
        {"classes/name": "cat", "classes/index": 0},
        {"classes/name": "dog", "classes/index": 1},
    ]
    assert {each["splits/name"] for each in records["splits"]["data"]} == {"train", "test"}
    assert {each["@id"] for each in records["images"]["field"]} == {"images/image", "images/label", "images/split"}


def test_folds_have_names_that_hugging_face_allows(tmp_path: Path) -> None:
    project = _project(tmp_path, split={"method": "kfold", "folds": 3})
    assert project.call("split", project.spec).returncode == 0
    assert project.call("export", "out", "--to", "webdataset", "-o", "made").returncode == 0
    head = yaml.safe_load((tmp_path / "made" / "README.md").read_text().split("---")[1])
    files = {each["split"]: each["path"] for each in head["configs"][0]["data_files"]}
    assert files == {f"fold_{n}": f"fold-{n}-?????.tar" for n in (1, 2, 3)}


@pytest.mark.parametrize(
    ("names", "head", "urls"),
    [
        ([""], {}, []),
        (["cc-by-sa 3.0", ""], {"license": "cc-by-sa-3.0"}, ["https://creativecommons.org/licenses/by-sa/3.0/"]),
        (["MIT", "CC0"], {"license": ["cc0-1.0", "mit"]}, None),
        (["ours", "MIT"], {"license": "other", "license_name": "MIT, ours"}, None),
        (["http://x.example/l"], {"license": "other", "license_name": "http://x.example/l"}, ["http://x.example/l"]),
    ],
)
def test_licences_as_the_hub_names_them(names: list[str], head: dict[str, Any], urls: list[str] | None) -> None:
    assert hub_licenses(names) == head
    assert urls is None or license_urls(names) == urls


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 1023, 1024, 1025, 5000])
def test_the_checksum_is_that_of_its_definition(length: int) -> None:
    content = np.random.default_rng(length).bytes(length)
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(content) == crc ^ 0xFFFFFFFF
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def test_hugging_face_reads_each_split_with_the_names_of_classes(plain: Project, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for to in ("imagefolder", "parquet"):
        assert plain.call("export", "out", "--to", to, "-o", tmp_path / to).returncode == 0
        read = datasets.load_dataset(str(tmp_path / to), cache_dir=str(tmp_path / "cache"))
        assert {split: len(rows) for split, rows in read.items()} == {"train": 5, "test": 1}
        assert read["train"].features["label"].names == ["cat", "dog"]
        labels = sorted(label for rows in read.values() for label in rows["label"])
        assert labels == [0, 0, 0, 1, 1, 1]


def test_webdataset_reads_its_shards(plain: Project, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    assert plain.call("export", "out", "--to", "webdataset", "-o", tmp_path / "w").returncode == 0
    shards = [str(path) for path in (tmp_path / "w").glob("*.tar")]
    rows = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8").to_tuple("png", "cls", "json"))
    sources = {f"{name}.png": pixels for name, pixels in _sources(plain).items()}
    assert {details["id"] for _, _, details in rows} == sources.keys()
    for pixels, number, details in rows:
        np.testing.assert_array_equal(pixels, sources[details["id"]])
        assert ["cat", "dog"][number] == details["class"]


@pytest.mark.parametrize("to", ["imagefolder", "webdataset", "parquet"])
def test_mlcroissant_reads_the_records(
    plain: Project, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    constants = pytest.importorskip("mlcroissant._src.core.constants")
    # It keeps what it extracted, by the name of the archive.
    monkeypatch.setattr(constants, "EXTRACT_PATH", type(constants.EXTRACT_PATH)(tmp_path / "extracted"))
    assert plain.call("export", "out", "--to", to, "-o", tmp_path / to).returncode == 0
    dataset = mlcroissant.Dataset(jsonld=str(tmp_path / to / "croissant.json"))
    assert not dataset.metadata.issues.errors
    assert [row["classes/name"] for row in dataset.records("classes")] == ["cat", "dog"]
    images = [row["images/image"] for row in dataset.records("images")]
    found = {np.asarray(image).tobytes() for image in images}
    assert found == {pixels.tobytes() for pixels in _sources(plain).values()}
    assert len(images) == 6


def test_pillow_reads_the_bytes_in_a_tar(plain: Project, tmp_path: Path) -> None:
    assert plain.call("export", "out", "--to", "webdataset", "-o", tmp_path / "w", "--files", "jpeg").returncode == 0
    with tarfile.open(tmp_path / "w" / "test-00000.tar") as tar:
        (first, *_) = (tar.extractfile(member) for member in tar if member.name.endswith(".jpg"))
        assert first is not None
        assert Image.open(io.BytesIO(first.read())).size == (24, 20)
