"""Exported files hold the labels, ids and pixels of the dataset, as parsers of their own read them."""

import io
import json
import shutil
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgprep
from imgprep.dataset.export.base import Names
from imgprep.dataset.export.tfrecord import masked_crc
from tests.support.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("export")
    made = Project(folder, folder / "images")
    made.draw(cat=10, dog=10)
    made.write(pack={"dtype": "float32", "normalize": "unit"})
    done = made.call("run", made.spec)
    assert done.returncode == 0, done.stderr
    return made


def _export(project: Project, to: str, out: Path, *more: object) -> Path:
    done = project.call("export", project.output, "--to", to, "-o", out, *more)
    assert done.returncode == 0, done.stderr
    return out


def _expected(project: Project) -> dict[str, tuple[str, str, bytes]]:
    """Id -> split, class and pixels, from the dataset itself."""
    converted = imgprep.load(project.output / "convert")
    pixels = {id_: converted[row][0].tobytes() for row, id_ in enumerate(converted.ids)}
    split = {id_: record["split"] for id_, record in project.samples("split").items()}
    return {id_: (split[id_], id_.split("/")[0], pixels[id_]) for id_ in pixels}


def _pixels(content: bytes) -> bytes:
    return np.asarray(Image.open(io.BytesIO(content))).tobytes()


@pytest.mark.parametrize("files", ["png", "webp"])
def test_imagefolder_has_the_pixels_by_split_and_class(project: Project, tmp_path: Path, files: str) -> None:
    out = _export(project, "imagefolder", tmp_path / "out", "--files", files)
    found = {}
    for path in out.glob(f"*/*/*.{files}"):
        split, label, _ = path.relative_to(out).parts
        found[f"{label}/{path.stem}.png"] = split, label, _pixels(path.read_bytes())
    assert found == _expected(project)
    assert "image-classification" in (out / "README.md").read_text()


@pytest.mark.parametrize("files", ["link", "symlink", "copy"])
def test_imagefolder_has_the_original_files(project: Project, tmp_path: Path, files: str) -> None:
    out = _export(project, "imagefolder", tmp_path / "out", "--files", files, "--source", project.source)
    found = list(out.glob("*/*/*.png"))
    assert len(found) == 20
    for path in found:
        original = project.source / path.parent.name / path.name
        assert path.read_bytes() == original.read_bytes()
        assert path.is_symlink() == (files == "symlink")
        assert Path(path).samefile(original) == (files != "copy")


def test_webdataset_has_pixels_and_labels_and_the_same_bytes_again(project: Project, tmp_path: Path) -> None:
    out, again = (_export(project, "webdataset", tmp_path / name) for name in ("a", "b"))
    found = {}
    for path in out.glob("*.tar"):
        assert path.read_bytes() == (again / path.name).read_bytes()
        with tarfile.open(path) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        for name, content in members.items():
            if name.endswith(".json"):
                details = json.loads(content)
                assert ["cat", "dog"][details["label"]] == details["class"]
                picture = members[name.replace(".json", ".png")]
                found[details["id"]] = details["split"], details["class"], _pixels(picture)
                assert path.name == f"{details['split']}-00000.tar"
    assert found == _expected(project)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (content[at] & 0x7F) << shift
        shift += 7
        at += 1
        if content[at - 1] < 0x80:
            return value, at


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        size, at = _varint(content, at)
        if key & 7 == 2:
            yield key >> 3, content[at : at + size]
            at += size
        else:
            yield key >> 3, size


def _example(content: bytes) -> dict[str, Any]:
    ((_, features),) = _fields(content)
    values = {}
    for _, entry in _fields(features):
        (_, name), (_, feature) = _fields(entry)
        ((kind, entries),) = _fields(feature)
        ((_, value),) = _fields(entries)
        values[name.decode()] = value if kind == 1 else _varint(value, 0)[0] if isinstance(value, bytes) else value
    return values


def test_the_checksum_is_that_of_the_standard() -> None:
    crc = 0xE3069283  # of the digits, in RFC 3720 and every catalogue of CRCs
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def test_tfrecord_has_pixels_and_labels(project: Project, tmp_path: Path) -> None:
    out = _export(project, "tfrecord", tmp_path / "out")
    found = {}
    for path in out.glob("*.tfrecord"):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            values = _example(content[at + 12 : at + 12 + size])
            at += size + 16
            label = values["image/class/text"].decode()
            assert ["cat", "dog"][values["image/class/label"]] == label
            split = path.name.split("-")[0]
            found[values["image/id"].decode()] = split, label, _pixels(values["image/encoded"])
    assert found == _expected(project)


def test_tensorflow_reads_the_tfrecord(project: Project, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    out = _export(project, "tfrecord", tmp_path / "out")
    label = tf.io.FixedLenFeature([], "int64")
    schema = {"image/id": tf.io.FixedLenFeature([], tf.string), "image/class/label": label}
    records = tf.data.TFRecordDataset(list(map(str, out.glob("*.tfrecord"))))
    rows = [tf.io.parse_single_example(record, schema) for record in records]
    found = {row["image/id"].numpy().decode(): ["cat", "dog"][int(row["image/class/label"])] for row in rows}
    assert found == {id_: label for id_, (_, label, _) in _expected(project).items()}


def test_hugging_face_reads_the_parquet(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    datasets = pytest.importorskip("datasets")
    out = _export(project, "parquet", tmp_path / "out")
    found = {}
    for split, rows in datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache")).items():
        for row in rows:
            label = rows.features["label"].int2str(row["label"])
            found[row["id"]] = str(split), label, np.asarray(row["image"]).tobytes()
    assert found == _expected(project)


def test_croissant_has_the_checksum_of_every_file(project: Project, tmp_path: Path) -> None:
    import hashlib

    out = _export(project, "webdataset", tmp_path / "out")
    assert "Audit: passed on 20 images" in (out / "README.md").read_text()
    content = json.loads((out / "croissant.json").read_bytes())
    found = {each["contentUrl"]: each["sha256"] for each in content["distribution"] if "sha256" in each}
    files = [path for path in out.iterdir() if path.name != "croissant.json"]
    assert found == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "webdatset"), "webdataset"),
        (("--to", "imagefolder", "--files", "link"), "--source"),
        (("--to", "tfrecord", "--files", "copy"), "imagefolder"),
        (("--to", "tfrecord", "--files", "jpeg:0"), "1 to 100"),
    ],
)
def test_wrong_options_are_refused(project: Project, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = project.call("export", project.output, "-o", tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_floats_are_refused_and_a_full_folder_is_kept(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.output / "pack", tmp_path / "pack")  # without convert beside it
    done = project.call("export", tmp_path / "pack", "--to", "tfrecord", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "convert" in done.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    for more in ((), ("--force",)):
        done = project.call("export", project.output, "--to", "tfrecord", "-o", tmp_path / "full", *more)
        assert done.returncode == 2
        assert (tmp_path / "full" / "mine.txt").read_text() == "x"


def test_an_earlier_export_is_replaced_only_by_force(project: Project, tmp_path: Path) -> None:
    out = _export(project, "webdataset", tmp_path / "out")
    assert project.call("export", project.output, "--to", "tfrecord", "-o", out).returncode == 2
    assert not list(_export(project, "tfrecord", out, "--force").glob("*.tar"))


def test_names_are_harmless_and_differ() -> None:
    names = Names()
    found = [names.of(text) for text in ("../../x", "a/b", "a__B", "..", "", "CON", "x\0y", "C:\\z")]
    assert len({name.casefold() for name in found}) == len(found)
    assert not any(set("/\\:\0") & set(name) or name in ("", ".", "..") for name in found)


@pytest.mark.parametrize("place", ["out", "out/convert/x", "images/x", "images", "."])
def test_nothing_that_is_read_is_ever_replaced(project: Project, place: str) -> None:
    before = sorted(project.folder.rglob("*"))
    target = project.folder / place
    options = ("--files", "copy", "--source", project.source, "--force")
    done = project.call("export", project.output, "--to", "imagefolder", "-o", target, *options)
    assert done.returncode == 2
    assert "is in or around" in done.stderr
    assert sorted(project.folder.rglob("*")) == before


@pytest.mark.parametrize("to", ["imagefolder", "webdataset"])
def test_mlcroissant_finds_no_fault(project: Project, tmp_path: Path, to: str) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    out = _export(project, to, tmp_path / "out")
    dataset = mlcroissant.Dataset(jsonld=json.loads((out / "croissant.json").read_text()))
    assert not dataset.metadata.issues.errors
    assert dataset.metadata.name == "test"


def test_nothing_is_left_beside_an_export_that_replaced_another(project: Project, tmp_path: Path) -> None:
    _export(project, "webdataset", tmp_path / "out")
    _export(project, "imagefolder", tmp_path / "out", "--force")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not list((tmp_path / "out").glob("*.tar"))
