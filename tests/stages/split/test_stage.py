import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from imgprep.dataset.manifest import committing, read_manifest
from imgprep.dataset.records import read_records
from imgprep.errors import RequestError
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.stage_images import Images
from imgprep.stages.split import stage as splitting
from imgprep.stages.split.methods import Assignment
from imgprep.stages.split.stage import Splitting, read_assignment
from imgprep.table.columns import StringColumn
from tests.support.stage_fixtures import split_request

MakeMachine = Callable[..., RunContext]
MakeImages = Callable[..., Images]
LABELS = ["ash"] * 30 + ["elm"] * 20


@pytest.fixture
def trees(images: MakeImages) -> Images:
    random = np.random.default_rng(0)
    rough = random.integers(0, 256, (50, 5, 5, 3), np.uint8)
    scenes = [cv2.resize(image, (32, 32), interpolation=cv2.INTER_CUBIC) for image in rough]
    for row in range(0, 30, 10):
        scenes[row + 1] = cv2.convertScaleAbs(scenes[row], beta=4)
    return images(np.stack(scenes), LABELS, [20, 30])


def test_every_file_says_the_same(trees: Images, context: MakeMachine) -> None:
    made = context()
    manifest = Splitting(trees, split_request(fraction=0.8, seed=3, near_duplicates="ignore")).run(made)
    folder = made.workspace.stage("split")
    assert read_manifest(folder) == manifest
    assert (manifest.stage, manifest.shards, manifest.image) == ("split", (), None)
    found = {line.id: line.split for line in read_records(folder)}
    assert list(found) == list(trees.table.id)
    for split in ("train", "validation", "test"):
        with (folder / f"{split}.csv").open(newline="") as file:
            table = {row["id"]: row["label"] for row in csv.DictReader(file)}
        assert table == {id_: id_.split("/")[0] for id_, mine in found.items() if mine == split}
        assert manifest.counts[split] == {name: list(table.values()).count(name) for name in ("ash", "elm")}
    assert sum(manifest.counts["test"].values()) == 8, "20 % of the 40 that are used"
    assert manifest.counts["unused"] == {"": 10}
    assignment = read_assignment(folder)
    names = [*assignment.names, None]
    assert [names[code] for code in assignment.codes.tolist()] == list(found.values())
    with np.load(folder / "splits.npz", allow_pickle=False) as arrays:
        assert arrays["id"].tolist() == list(found)


@pytest.mark.parametrize("seed", range(4))
def test_near_duplicates_stay_together(trees: Images, context: MakeMachine, seed: int) -> None:
    made = context()
    settings = split_request(test=0.5, validation=0, seed=seed)
    Splitting(trees, settings).run(made)
    codes = read_assignment(made.workspace.stage("split")).codes
    assert all(codes[row] == codes[row + 1] for row in range(0, 30, 10))
    assert (codes == 2).sum() == 25


def test_tables_of_splits_that_are_no_more_go(trees: Images, context: MakeMachine) -> None:
    made = context()
    Splitting(trees, split_request(method="kfold", folds=3, near_duplicates="ignore")).run(made)
    folder = made.workspace.stage("split")
    assert {path.name for path in folder.glob("*.csv")} == {"fold-1.csv", "fold-2.csv", "fold-3.csv"}
    Splitting(trees, split_request(near_duplicates="ignore")).run(made)
    assert {path.name for path in folder.glob("*.csv")} == {"train.csv", "validation.csv", "test.csv"}
    head, first = (folder / "test.csv").read_text().splitlines()[:2]
    assert head == "id,label,location"
    row = [*trees.table.id].index(first.split(",")[0])
    assert first.split(",")[1:] == [trees.table.label[row], trees.table.location[row]]


def test_notes_reach_the_user(trees: Images, context: MakeMachine) -> None:
    made = context()
    Splitting(trees, split_request(method="hash", near_duplicates="ignore")).run(made)
    assert any("auto is 0.2 for 50 images" in note for note in made.monitor.notes)


def test_a_wrong_request_writes_nothing(trees: Images, context: MakeMachine) -> None:
    made = context()
    with pytest.raises(RequestError, match="the source gives no splits"):
        Splitting(trees, split_request(method="predefined", near_duplicates="ignore")).run(made)
    assert not made.workspace.stage("split").exists()


def test_what_the_key_stands_for(trees: Images) -> None:
    stage = Splitting(trees, split_request())
    others = [
        replace(stage, request=split_request(near_duplicates="ignore")),
        replace(stage, request=split_request(seed=1)),
        replace(stage, request=split_request(frozen=frozenset({"a"}))),
        replace(stage, images=replace(trees, manifest=replace(trees.manifest, fingerprint="other pixels"))),
        replace(stage, images=replace(trees, manifest=replace(trees.manifest, name="renamed"))),
    ]
    assert len({stage.key(), *(other.key() for other in others)}) == len(others) + 1
    assert stage.key() == Splitting(trees, split_request(where="line 7")).key()


@pytest.mark.parametrize("ids", [["a", "caf\u00e9/b.png", "x" * 40, ""] * 5, [""], []])
def test_the_table_is_what_numpy_writes(ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few ids at a time, and byte for byte the same."""
    monkeypatch.setattr(splitting, "BLOCK_BYTES", 500)
    assignment = Assignment(("train", "test"), np.arange(len(ids)) % 3 - 1)
    with committing(tmp_path / "blocks.npz") as file:
        splitting._pack(file, StringColumn.of(ids), assignment)
    id_, names = np.array(ids, np.str_), np.array(assignment.names, np.str_)
    np.savez(tmp_path / "whole.npz", id=id_, split=assignment.codes.astype(np.int16), names=names)
    assert (tmp_path / "blocks.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
