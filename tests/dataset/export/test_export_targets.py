"""Exports carry targets, as parsers of their own read them."""

import json
import math
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.project import Project

ROWS: dict[str, dict[str, Any]] = {
    "ash/000.png": {"state": "good", "price": 1.5, "tags": ["big", "old"]},
    "ash/001.png": {"state": "bad", "price": None, "tags": []},
    "oak/000.png": {"state": None, "price": -2.0, "tags": ["old"]},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("targets")
    made = Project(folder, folder / "images")
    made.draw(ash=2, oak=1)
    lines = [
        f"{id_},{row['state'] or ''},{'' if row['price'] is None else row['price']},{'|'.join(row['tags'])}"
        for id_, row in ROWS.items()
    ]
    (folder / "a.csv").write_text("\n".join(["id,state,price,tags", *lines]))
    made.write(
        source={"layout": "directory", "path": str(folder / "images"), "attributes": "a.csv"},
        targets={"state": {"category": "state", "missing": "ignore"}, "price": "number", "tags": "many"},
    )
    done = made.call("convert", made.spec)
    assert done.returncode == 0, done.stderr
    return made


def export(project: Project, to: str, out: Path) -> Path:
    done = project.call("export", project.output, "--to", to, "-o", out)
    assert done.returncode == 0, done.stderr
    return out


def test_imagefolder_has_them_in_the_metadata_that_hugging_face_reads(project: Project, tmp_path: Path) -> None:
    out = export(project, "imagefolder", tmp_path / "out")
    lines = [json.loads(line) for line in (out / "train" / "metadata.jsonl").read_text().splitlines()]
    assert all((out / "train" / line["file_name"]).is_file() for line in lines)
    found = {line.pop("file_name"): line for line in lines}
    assert found == {id_: {"label": id_[:3]} | row for id_, row in ROWS.items()}
    assert (
        "Targets: state (category of bad, good); price (number); tags (many of big, old)"
        in (out / "README.md").read_text()
    )


def test_hugging_face_reads_the_imagefolder(project: Project, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    out = export(project, "imagefolder", tmp_path / "out")
    rows = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    found = [(row["label"], row["state"], row["price"], row["tags"]) for row in rows]
    assert sorted(found, key=str) == sorted(((id_[:3], *row.values()) for id_, row in ROWS.items()), key=str)


def test_webdataset_has_them_in_the_json(project: Project, tmp_path: Path) -> None:
    out = export(project, "webdataset", tmp_path / "out")
    found = {}
    with tarfile.open(out / "train-00000.tar") as tar:
        for member in tar:
            if member.name.endswith(".json"):
                details = json.load(tar.extractfile(member))  # type: ignore[arg-type]
                found[details["id"]] = details["targets"]
    assert found == ROWS


def test_hugging_face_reads_the_parquet(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    datasets = pytest.importorskip("datasets")
    out = export(project, "parquet", tmp_path / "out")
    rows = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    state = rows.features["state"]
    assert (state.names, rows.features["price"]) == (["bad", "good"], datasets.Value("float32"))
    tags = rows.features["tags"].feature
    found = {
        row["id"]: {
            "state": None if row["state"] is None else state.int2str(row["state"]),
            "price": row["price"],
            "tags": [tags.int2str(index) for index in row["tags"]],
        }
        for row in rows
    }
    assert found == ROWS


def test_tfrecord_has_the_bytes_of_a_float_and_of_a_list(project: Project, tmp_path: Path) -> None:
    content = (export(project, "tfrecord", tmp_path / "out") / "train-00000.tfrecord").read_bytes()
    # A float list is field 2 of a feature, a list of whole numbers field 3; the values are field 1 of either.
    assert b"image/target/price\x12\x08\x12\x06\x0a\x04" + np.float32(1.5).tobytes() in content
    assert b"image/target/tags\x12\x06\x1a\x04\x0a\x02\x01\x01" in content
    assert b"image/target/tags\x12\x06\x1a\x04\x0a\x02\x00\x00" in content
    assert content.count(b"image/target/state") == 2, "none for the image without a state"


def test_tensorflow_reads_the_tfrecord(project: Project, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    out = export(project, "tfrecord", tmp_path / "out")
    schema = {
        "image/id": tf.io.FixedLenFeature([], tf.string),
        "image/target/state": tf.io.FixedLenFeature([], tf.int64, default_value=-1),
        "image/target/price": tf.io.FixedLenFeature([], tf.float32),
        "image/target/tags": tf.io.FixedLenFeature([2], tf.int64),
    }
    for record in tf.data.TFRecordDataset(list(map(str, out.glob("*.tfrecord")))):
        row = {name: value.numpy() for name, value in tf.io.parse_single_example(record, schema).items()}
        wanted = ROWS[row["image/id"].decode()]
        state = -1 if wanted["state"] is None else ["bad", "good"].index(wanted["state"])
        assert row["image/target/state"] == state
        price = float(row["image/target/price"])
        assert math.isnan(price) if wanted["price"] is None else price == wanted["price"]
        assert row["image/target/tags"].tolist() == [int(name in wanted["tags"]) for name in ("big", "old")]


@pytest.mark.parametrize("to", ["webdataset", "parquet"])
def test_what_was_exported_is_read_back_with_its_targets(project: Project, tmp_path: Path, to: str) -> None:
    if to == "parquet":
        pytest.importorskip("pyarrow")
    out = export(project, to, tmp_path / "out")
    spec = {
        "source": {"layout": to, "path": str(out)},
        "output": str(tmp_path / "again"),
        "targets": {"state": {"category": "state", "missing": "ignore"}, "price": "number", "tags": "many"},
        "convert": {"size": [8, 8]},
        "execution": {"engine": "serial"},
    }
    (tmp_path / "s.json").write_text(json.dumps(spec))
    done = project.call("convert", tmp_path / "s.json")
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, (tmp_path / "again" / "convert" / "samples.jsonl").read_text().splitlines())
    found = [(line["label"], line["targets"]) for line in lines if line["status"] == "ok"]
    assert found == [(id_[:3], row) for id_, row in ROWS.items()]
