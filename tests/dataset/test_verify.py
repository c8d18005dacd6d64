import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import imgprep
from imgprep.dataset.integrity import Difference
from imgprep.dataset.manifest import Manifest, read_manifest
from imgprep.dataset.verify import verify
from imgprep.engines import ENGINES


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages of 4 classes of 12 images, several shards each, in every layout; the tests work on copies."""
    folder = tmp_path_factory.mktemp("built")
    random = np.random.default_rng(3)
    arrays = {"x": random.integers(0, 256, (48, 6, 5, 3), np.uint8), "y": np.arange(48) % 4}
    np.savez(folder / "trees.npz", **arrays)
    spec = {
        "source": {"layout": "npz", "path": str(folder / "trees.npz")},
        "convert": {"shard_size": 1000},
        "split": {"near_duplicates": "ignore"},
        "execution": {"engine": "serial"},
    }
    packs = {
        "flat": {"shard_size": 4000},
        "npz": {"format": "npz", "shard_size": 4000},
        "one_hot": {"labels": "one_hot"},
        "by_class": {"layout": "by_class", "shard_size": 4000},
    }
    for name, pack in packs.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(spec | {"output": str(folder / name), "pack": pack}))
        imgprep.pack(path)
    return folder


Copy = Callable[..., Path]


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Copy:
    def make(name: str = "flat", stage: str = "pack") -> Path:
        shutil.copytree(built / name / stage, tmp_path / name / stage)
        return tmp_path / name / stage

    return make


def check(folder: Path, manifest: Manifest | None = None) -> list[Difference]:
    return list(verify(folder, manifest or read_manifest(folder), ENGINES["serial"](workers=1)))


def first(folder: Path, split: str = "train") -> Path:
    return min(folder.glob(f"{split}-*"))


def change(path: Path, name: str, edit: Callable[[h5py.Dataset], None]) -> None:
    """Changes an array of a shard in place, as a defect or a hand would."""
    with h5py.File(path, "r+") as file:
        edit(file[name])


def flip(dataset: h5py.Dataset, row: int = 2) -> None:
    values = dataset[row]
    values.view(np.uint8).reshape(-1)[0] ^= 1
    dataset[row] = values


@pytest.mark.parametrize("name", ["flat", "npz", "one_hot", "by_class"])
@pytest.mark.parametrize("stage", ["convert", "split", "pack"])
def test_what_was_not_touched_passes(built: Path, name: str, stage: str) -> None:
    manifest = read_manifest(built / name / stage)
    assert len(manifest.shards) != 1, "several shards, or none"
    assert check(built / name / stage) == []


def test_changed_pixels(copy: Copy) -> None:
    folder = copy()
    change(first(folder), "image", flip)
    assert check(folder) == [Difference(first(folder).name, (2,), "pixels differ from their checksum")]


def test_a_changed_label(copy: Copy) -> None:
    folder = copy()
    change(first(folder), "label", lambda labels: labels.__setitem__(1, (labels[1] + 1) % 4))
    rows = [(found.file, found.rows) for found in check(folder) if found.rows]
    assert rows == [(first(folder).name, (1,))]


def test_a_label_that_is_no_class(copy: Copy) -> None:
    folder = copy()
    change(first(folder), "label", lambda labels: labels.__setitem__(slice(0, 3), 4))
    assert Difference(first(folder).name, (0, 1, 2), "labels that are no class") in check(folder)


def test_one_hot_labels_with_two_classes_or_none(copy: Copy) -> None:
    folder = copy("one_hot")

    def spoil(labels: h5py.Dataset) -> None:
        labels[1] = [1, 1, 0, 0]
        labels[4] = [0, 0, 0, 0]
        labels[5] = [2, 0, 0, 255]

    change(first(folder), "label", spoil)
    assert Difference(first(folder).name, (1, 4, 5), "labels that are no class") in check(folder)


@pytest.mark.parametrize("name", ["flat", "by_class"])
def test_a_changed_id(copy: Copy, name: str) -> None:
    folder = copy(name)
    prefix = "" if name == "flat" else "2/"
    change(first(folder), f"{prefix}id", lambda ids: ids.__setitem__(0, "another"))
    rows = [(found.file, len(found.rows)) for found in check(folder) if found.rows]
    assert rows == [(first(folder).name, 1)]


def test_values_that_are_not_finite(copy: Copy) -> None:
    folder = copy()
    change(first(folder), "image", lambda images: images.__setitem__((3, 0, 0, 0), np.nan))
    assert Difference(first(folder).name, (3,), "values that are not finite") in check(folder)


@pytest.mark.parametrize("name", ["flat", "npz"])
@pytest.mark.parametrize("left", [0, 10, 0.5, -1])
def test_a_cut_file(copy: Copy, name: str, left: float) -> None:
    path = first(copy(name))
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if isinstance(left, float) else left])
    found = check(path.parent)
    assert {difference.file for difference in found} == {path.name}
    assert "the index says" in found[0].message
    rows = {entry.filename: entry.samples for entry in read_manifest(path.parent).shards}[path.name]
    assert any(difference.rows == tuple(range(rows)) for difference in found)


@pytest.mark.parametrize("name", ["flat", "npz"])
def test_any_flipped_byte_is_found(copy: Copy, name: str) -> None:
    path = first(copy(name))
    content = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(content), 12).tolist():
        spoiled = bytearray(content)
        spoiled[place] ^= 0x10
        path.write_bytes(spoiled)
        assert path.name in {difference.file for difference in check(path.parent)}, place


@pytest.mark.parametrize(
    ("old", "new"), [(b'"name": "', b'"name": "x'), (b'"seed": ', b'"seed": 1'), (b"\n}\n", b"\n}")]
)
def test_an_index_that_says_something_else(copy: Copy, old: bytes, new: bytes) -> None:
    folder = copy("flat")
    index = folder / "dataset.json"
    index.write_bytes(index.read_bytes().replace(old, new, 1))
    assert list(map(str, check(folder))) == ["dataset.json: changed: it is not what its last line, a digest, says"]


def test_swapped_shards(copy: Copy) -> None:
    folder = copy()
    one, two = sorted(folder.glob("train-*"))[:2]
    shutil.move(one, folder / "aside")
    shutil.move(two, one)
    shutil.move(folder / "aside", two)
    found = check(folder)
    assert {difference.file for difference in found} == {one.name, two.name}
    assert any(difference.rows for difference in found), "the rows are not those of samples.jsonl"


def test_a_missing_shard(copy: Copy) -> None:
    path = first(copy())
    path.unlink()
    found = check(path.parent)
    assert [(found[0].file, found[0].message)] == [(path.name, "cannot be read: No such file or directory")]
    assert found[0].rows
    assert len(found) == 1


def test_an_array_or_a_row_too_few(copy: Copy) -> None:
    folder = copy()
    with h5py.File(first(folder), "r+") as file:
        del file["parent"]
    assert Difference(first(folder).name, (), "no array parent") in check(folder)
    path = first(folder, "test")
    with h5py.File(path, "r+") as file:
        short = file["label"][:-1]
        del file["label"]
        file["label"] = short
    assert Difference(path.name, (), "arrays of different length") in check(folder)


def test_images_of_another_kind_than_the_index_says(copy: Copy) -> None:
    folder = copy()
    manifest = read_manifest(folder)
    assert manifest.image is not None
    for image in (replace(manifest.image, dtype="float16"), replace(manifest.image, shape=(5, 6, 3)), None):
        found = check(folder, replace(manifest, image=image))
        assert {difference.file for difference in found} == {shard.filename for shard in manifest.shards}
        assert all("images of (6, 5, 3) float32, the index says" in difference.message for difference in found)


def test_an_index_with_wrong_numbers(copy: Copy) -> None:
    folder = copy()
    manifest = read_manifest(folder)
    counts = {split: dict(row) for split, row in manifest.counts.items()}
    counts["test"]["2"] += 1
    assert [found.file for found in check(folder, replace(manifest, counts=counts))] == ["dataset.json"]
    samples = dict(manifest.samples) | {"quarantined": 1}
    assert check(folder, replace(manifest, samples=samples)) == [
        Difference("samples.jsonl", (), "0 images quarantined, the index says 1")
    ]
    shards = (replace(manifest.shards[0], samples=manifest.shards[0].samples + 1), *manifest.shards[1:])
    assert "the index says" in check(folder, replace(manifest, shards=shards))[0].message


def test_a_split_stage_with_wrong_numbers(copy: Copy) -> None:
    folder = copy(stage="split")
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    changed = next(line for line in lines if line["split"] == "train")
    changed["split"] = "test"
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = check(folder)
    assert [difference.file for difference in found] == ["dataset.json", "dataset.json", "samples.jsonl"]
    label = changed["label"]
    assert any(f"images of {label} in test, the index says" in difference.message for difference in found)


@pytest.mark.parametrize("filename", ["splits.npz", "train.csv"])
def test_a_table_of_the_split_stage_that_was_changed_or_lost(copy: Copy, filename: str) -> None:
    folder = copy(stage="split")
    (folder / filename).write_bytes((folder / filename).read_bytes() + b" ")
    assert check(folder) == [Difference(filename, (), "SHA-256 differs from the index")]
    (folder / filename).unlink()
    assert check(folder) == [Difference(filename, (), "cannot be read: No such file or directory")]


@pytest.mark.parametrize("key", ["id", "label", "row", "shard"])
@pytest.mark.parametrize("name", ["flat", "by_class"])
def test_changed_samples(copy: Copy, name: str, key: str) -> None:
    folder = copy(name)
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    record = lines[7]
    others = sorted({shard.filename for shard in read_manifest(folder).shards} - {record["shard"]})
    record[key] = {
        "id": "another",
        "label": "1" if record["label"] == "0" else "0",
        "row": record["row"] + 1,
        "shard": others[0],
    }[key]
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = [difference.rows for difference in check(folder) if difference.file == "samples.jsonl"]
    assert (7,) in rows


@pytest.mark.parametrize("damage", ["cut", "gone", "line", "type"])
def test_damaged_samples(copy: Copy, damage: str) -> None:
    path = copy() / "samples.jsonl"
    text = path.read_text()
    if damage == "gone":
        path.unlink()
    else:
        end = text.index("\n") + 1
        path.write_text({"cut": text[: len(text) // 2], "line": text[end:], "type": "[]\n" + text[end:]}[damage])
    found = [difference for difference in check(path.parent) if difference.file == "samples.jsonl"]
    assert found
    if damage == "line":
        messages = [str(difference) for difference in check(path.parent)]
        assert "samples.jsonl: 47 images found, the index says 48" in messages
        assert any("no line of samples.jsonl has them" in message for message in messages)


def test_ids_that_occur_twice_in_different_shards(copy: Copy) -> None:
    folder = copy()
    one, two = sorted(folder.glob("train-*"))[:2]
    two.write_bytes(one.read_bytes())
    manifest = read_manifest(folder)
    entry = next(shard for shard in manifest.shards if shard.filename == one.name)
    shards = tuple(replace(entry, filename=s.filename) if s.filename == two.name else s for s in manifest.shards)
    assert "dataset.json: some ids occur twice" in map(str, check(folder, replace(manifest, shards=shards)))


def test_engines_find_the_same(copy: Copy) -> None:
    folder = copy()
    change(first(folder), "image", flip)
    manifest = read_manifest(folder)
    for engine in ("threads", "processes"):
        assert set(verify(folder, manifest, ENGINES[engine](workers=2))) == set(check(folder))


def test_differences_read_well() -> None:
    assert str(Difference("train-0.h5", (0, 1, 2, 9), "gone")) == "train-0.h5: rows 0-2, 9: gone"
    assert str(Difference("train-0.h5", (), "gone")) == "train-0.h5: gone"
    assert str(Difference("x", tuple(range(0, 100, 2)), "odd")).endswith("38 and 30 more ranges: odd")
