"""Parquet files with images, in the schema of Hugging Face's datasets and in simpler ones."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import ImageError, RequestError, SourceError
from imgprep.sources.detect import recognise
from imgprep.sources.detect_columns import LabelAnswer
from imgprep.sources.parquet import Parquet
from imgprep.testing.sources import check_source

CLASSES = {"names": ["cat", "dog"], "_type": "ClassLabel"}


def write(path: Path, columns: dict[str, Any], features: Any = None, rows: int = 2) -> Path:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = arrow.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, row_group_size=rows)
    return path


def images(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"bytes": b"image %d" % number, "path": f"{number}.jpg"} for number in range(start, start + count)]


def test_hugging_faces_schema(tmp_path: Path) -> None:
    labels = {"label": CLASSES, "image": {"_type": "Image"}}
    write(tmp_path / "data" / "train-00000-of-00002.parquet", {"image": images(5), "label": [0, 1, 0, 1, -1]}, labels)
    write(tmp_path / "data" / "train-00001-of-00002.parquet", {"image": images(2, 5), "label": [1, 1]}, labels)
    write(tmp_path / "data" / "test-00000-of-00001.parquet", {"image": images(1, 7), "label": [0]}, labels)
    source = Parquet(tmp_path)
    samples = check_source(source)
    assert source.classes() == ("cat", "dog")
    assert [(sample.id, sample.label, sample.split) for sample in samples[:3]] == [
        ("data/test-00000-of-00001.parquet#0", "cat", "test"),
        ("data/train-00000-of-00002.parquet#0", "cat", "train"),
        ("data/train-00000-of-00002.parquet#1", "dog", "train"),
    ]
    assert [sample.reason for sample in samples if sample.status != "ok"] == ["no label"]
    assert [source.read(samples[row]) for row in (0, 1, 5, 2, 3, 7, 1)] == [
        b"image %d" % number for number in (7, 0, 4, 1, 2, 6, 0)
    ]
    assert recognise(tmp_path)[:3] == ("parquet", tmp_path, {})


def test_texts_plain_bytes_and_further_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet",
        {
            "picture": [b"1", b"2", None, b""], "Species": ["ox", "elk", "ox", "ox"], "id": ["i1", "i2", "i3", "i2"],
            "split": ["train", "dev", "train", "train"], "group": ["g", None, "", "g"], "weight": [1.5, None, 2.0, 1.0],
            "box": [[1], [2], [3], [4]],
        },
    )  # fmt: skip
    source = Parquet(path, label_column="species", image_column="picture")
    samples = list(source.samples())
    assert [(sample.id, sample.label, sample.split, sample.group) for sample in samples] == [
        ("i1", "ox", "train", "g"),
        ("i2", "elk", "dev", ""),
        ("i3", "ox", "train", ""),
        ("a.parquet#3", "ox", "train", "g"),
    ]
    assert samples[0].attributes == {"weight": "1.5"}
    assert [source.read(sample) for sample in samples[:2]] == [b"1", b"2"]
    for sample, reason in ((samples[2], "no bytes in the row"), (samples[3], "empty file")):
        with pytest.raises(ImageError, match=reason):
            source.read(sample)
    assert recognise(path).options == {"label_column": "Species", "image_column": "picture"}


def test_categories_of_pandas_are_texts(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    columns = {name: arrow.array(["ox", "elk"]).dictionary_encode() for name in ("label", "kind")}
    path = write(tmp_path / "a.parquet", {"image": images(2), **columns})
    samples = list(Parquet(path).samples())
    assert [(sample.label, sample.attributes) for sample in samples] == [
        ("ox", {"kind": "ox"}),
        ("elk", {"kind": "elk"}),
    ]


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": images(1), "kind": ["ox"], "sort": ["elk"]})
    with pytest.raises(RequestError, match=r"no column 'label', there are: image, kind, sort; .*source\.label_column"):
        list(Parquet(path).samples())
    with pytest.raises(RequestError, match=r"no column 'picture', there are: .*source\.image_column"):
        list(Parquet(path, image_column="picture").samples())
    with pytest.raises(RequestError, match=r"the column 'kind' is string; images are \{bytes, path\}, or bytes"):
        list(Parquet(path, image_column="kind").samples())
    with pytest.raises(RequestError, match="init takes it as --label COLUMN"):
        recognise(path)
    assert recognise(path, LabelAnswer("Sort")).options == {"label_column": "sort"}
    assert len(list(Parquet(path, labels="none").samples())) == 1


def test_numbers_without_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": images(2), "label": [0, 1]})
    assert [sample.label for sample in Parquet(path).samples()] == ["0", "1"]
    assert [sample.label for sample in Parquet(path, class_names=("ox", "elk")).samples()] == ["ox", "elk"]
    with pytest.raises(RequestError, match=r"a\.parquet: label 1 in row 1, but 1 classes are named"):
        list(Parquet(path, class_names=("ox",)).samples())


def test_a_row_group_is_read_in_parts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": images(100), "label": ["x"] * 100}, rows=100)
    source = Parquet(path)
    samples = list(source.samples())
    assert [source.read(sample) for sample in samples] == [b"image %d" % number for number in range(100)]
    assert source.read(samples[3]) == b"image 3"
    reader = source._files(str(path), samples[0].stamp)
    assert len(reader._values) <= 16


def read_all(source: Parquet) -> list[bytes]:
    return [source.read(sample) for sample in source.samples()]


def test_damaged_files_are_refused_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": images(3), "label": ["x"] * 3})
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-30], b"PAR1" + whole[40:]):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"a\.parquet"):
            read_all(Parquet(path))


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    for call in (lambda: list(Parquet(tmp_path).samples()), lambda: recognise(tmp_path)):
        with pytest.raises(RequestError, match=r"pyarrow is not installed: pip install 'imgprep\[parquet\]'"):
            call()
