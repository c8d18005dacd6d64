"""Another stage's output as a source."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from imgprep.dataset.manifest import INDEX, SAMPLES, Manifest, ShardEntry
from imgprep.dataset.records import json_line
from imgprep.errors import ImgprepError, RequestError, SourceError
from imgprep.sources.dataset import Dataset

CLASSES = ("cat", "dog")
NAME = "train-00000-of-00001.h5"


def build(folder: Path, stage: str = "augment", name: str = NAME, **columns: Any) -> Dataset:
    arrays = {
        "image": np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5, 1),
        "label": np.array([0, 1, 0], np.uint8),
        "id": ["cat/1.jpg", "dog/1.jpg", "cat/1.jpg#1"],
        "parent": ["", "", "cat/1.jpg"],
    } | columns
    with h5py.File(folder / NAME, "w") as file:
        for key, values in arrays.items():
            if values is not None:
                file[key] = values
    entry = ShardEntry(name, "train", 3, (folder / NAME).stat().st_size, "")
    (folder / INDEX).write_bytes(Manifest(stage, "pets", CLASSES, {}, {}, 1, "", shards=(entry,)).to_json())
    record = {"id": "cat/1.jpg", "attributes": {"color": "red"}, "group": "litter 1"}
    (folder / SAMPLES).write_bytes(json_line(record) + json_line({"id": "dog/1.jpg"}))
    return Dataset(folder)


def test_copies_are_in_the_group_of_their_original(tmp_path: Path) -> None:
    source = build(tmp_path)
    samples = list(source.samples())
    assert [(sample.id, sample.label, sample.group, sample.split) for sample in samples] == [
        ("cat/1.jpg", "cat", "litter 1", "train"),
        ("dog/1.jpg", "dog", "dog/1.jpg", "train"),
        ("cat/1.jpg#1", "cat", "litter 1", "train"),
    ]
    assert samples[2].attributes == {"color": "red"}
    assert source.classes() == CLASSES
    assert np.asarray(source.read(samples[1])).ravel().tolist() == list(range(20, 40))


def test_shards_without_a_split_keep_the_splits_of_their_source(tmp_path: Path) -> None:
    source = build(tmp_path)
    size = (tmp_path / NAME).stat().st_size
    entry = ShardEntry(NAME, None, 3, size, "")
    (tmp_path / INDEX).write_bytes(Manifest("convert", "pets", CLASSES, {}, {}, 1, "", shards=(entry,)).to_json())
    (tmp_path / SAMPLES).write_bytes(json_line({"id": "cat/1.jpg", "split": "test"}) + json_line({"id": "dog/1.jpg"}))
    assert [sample.split for sample in source.samples()] == ["test", "", "test"]


@pytest.mark.parametrize("stage", ["convert", "augment", "pack"])
def test_groups_follow_from_parents_and_not_from_the_stage(tmp_path: Path, stage: str) -> None:
    groups = [sample.group for sample in build(tmp_path, stage).samples()]
    assert groups == ["litter 1", "dog/1.jpg", "litter 1"]
    originals = build(tmp_path, stage, parent=["", "", ""])
    assert [sample.group for sample in originals.samples()] == ["litter 1", "", ""], "nothing was copied"


@pytest.mark.parametrize(
    "columns",
    [
        {"image": np.zeros((3, 4, 5, 1), np.float32)},
        {"label": np.array([0, 1], np.uint8)},
        {"label": np.array([0, 1, 2], np.uint8)},
        {"id": ["a", "b"]},
        {"id": None},
        {"image": None},
    ],
)
def test_shards_that_cannot_be_read_are_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    with pytest.raises(ImgprepError, match=NAME):
        list(build(tmp_path, **columns).samples())


def test_shards_must_be_there_as_they_were_written(tmp_path: Path) -> None:
    source = build(tmp_path)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b"x")
    with pytest.raises(SourceError, match="run imgprep verify"):
        list(source.samples())
    with pytest.raises(RequestError, match="expected the name of a file in the same folder"):
        list(build(tmp_path, name="../" + NAME).samples())
    (tmp_path / INDEX).unlink()
    with pytest.raises(RequestError, match="no finished imgprep dataset"):
        list(source.samples())


def test_a_stage_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_bytes(Manifest("split", "pets", CLASSES, {}, {}, 1, "").to_json())
    with pytest.raises(RequestError, match="holds no images"):
        list(Dataset(tmp_path).samples())


@pytest.mark.parametrize(
    "line",
    [b"[]", b"3", b"\xe9", b"", b'{"id": 3, "group": "a"}', b'{"id": "a", "attributes": {"x": 3}}', b"[" * 100_000],
)
def test_samples_that_are_none_are_refused_in_one_line(tmp_path: Path, line: bytes) -> None:
    source = build(tmp_path)
    (tmp_path / SAMPLES).write_bytes(line + b"\n")
    with pytest.raises(SourceError, match=r"samples\.jsonl: cannot be read: .*; run imgprep verify"):
        list(source.samples())
