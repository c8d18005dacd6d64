import json
import multiprocessing
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from imgprep.dataset.adapters import ADAPTERS
from imgprep.dataset.loader import Dataset, folds, load
from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.dataset.row_format import ImageFormat
from imgprep.errors import RequestError, SourceError
from imgprep.shards import FORMATS

CLASSES = ("apple", "pear", "plum")
SHAPES = {"small": (4, 5, 3), "large": (64, 64, 3)}


def images(rows: int, shape: tuple[int, int, int] = SHAPES["small"], dtype: str = "u1") -> np.ndarray:
    return np.random.default_rng(rows).integers(0, 256, (rows, *shape)).astype(dtype)


def write(
    folder: Path,
    splits: dict[str | None, list[int]],
    *,
    name: str = "hdf5",
    compression: str = "none",
    shape: tuple[int, int, int] = SHAPES["small"],
    one_hot: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Writes a dataset with shards of these many rows; returns the last split's images and labels."""
    folder.mkdir(exist_ok=True)
    shard_format, entries = FORMATS[name], []
    for split, sizes in splits.items():
        image = images(sum(sizes), shape)
        index = (np.arange(sum(sizes)) * 7 % 3).astype(np.uint8)
        label = np.eye(3, dtype=np.float32)[index] if one_hot else index
        start = 0
        for number, size in enumerate(sizes):
            part = slice(start, start + size)
            ids = np.array([f"{split}/{row}" for row in range(start, start + size)], dtype=object)
            content = b"".join(shard_format.write({"image": image[part], "label": label[part], "id": ids}, compression))
            filename = f"{split or 'shard'}-{number:05d}{shard_format.suffix}"
            (folder / filename).write_bytes(content)
            entries.append(ShardEntry(filename, split, size, len(content), ""))
            start += size
    manifest = Manifest(
        "pack", "x", CLASSES, {}, {}, 0, "", ImageFormat(shape, "uint8"),
        class_weights={"plum": None, "pear": 2.0, "apple": 0.5}, shards=tuple(entries),
    )  # fmt: skip
    (folder / "dataset.json").write_bytes(manifest.to_json())
    return image, label


@pytest.fixture(params=[(name, c) for name, known in FORMATS.items() for c in known.compressions], ids="-".join)
def stored(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"name": request.param[0], "compression": request.param[1]}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("one_hot", [False, True])
def test_every_way_gives_the_same(
    tmp_path: Path, stored: dict[str, str], shape: tuple[int, int, int], one_hot: bool
) -> None:
    image, label = write(tmp_path, {None: [5, 0, 9, 1]}, shape=shape, one_hot=one_hot, **stored)
    dataset = load(tmp_path)
    assert (len(dataset), dataset.image_shape, dataset.dtype) == (15, shape, np.uint8)
    np.testing.assert_array_equal(dataset.labels, label)
    assert dataset.ids == [f"None/{row}" for row in range(15)]
    for index in (0, 4, 5, 13, 14, -1, -15, np.int64(3)):
        np.testing.assert_array_equal(dataset[index][0], image[index])
        np.testing.assert_array_equal(dataset[index][1], label[index])
    for part in (slice(None), slice(3, 8), slice(None, None, -1), slice(14, 2, -5), slice(4, 4)):
        np.testing.assert_array_equal(dataset[part][0], image[part])
        np.testing.assert_array_equal(dataset[part][1], label[part])
    for found, wanted in zip(dataset.arrays(), (image, label), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    for shuffle in (False, True):
        order = [int(np.flatnonzero((image == row).all((1, 2, 3)))[0]) for row, _ in dataset]
        assert order == list(range(15))
        batches = list(dataset.batches(4, shuffle=shuffle))
        assert [len(found) for found, _ in batches] == [4, 4, 4, 3]
        for found, labels in batches:
            rows = [int(np.flatnonzero((image == row).all((1, 2, 3)))[0]) for row in found]
            np.testing.assert_array_equal(label[rows], labels)


def test_items_may_be_changed_and_suit_a_training_loop(tmp_path: Path) -> None:
    image, label = write(tmp_path, {None: [3]})
    dataset = load(str(tmp_path))
    pixels, index = dataset[1]
    pixels += 1
    assert type(index) is int
    np.testing.assert_array_equal(dataset[1][0], image[1])
    assert dict(enumerate(dataset.class_weights.values())) == {0: 0.5, 1: 2.0, 2: 0.0}, "by index, none left out"
    assert dataset.classes == CLASSES
    assert [row_label for _, row_label in dataset] == label.tolist()
    for outside in (3, -4):
        with pytest.raises(IndexError, match="3 images"):
            dataset[outside]


def order_of(dataset: Dataset, **options) -> list[int]:
    every = dataset.arrays()[0]
    return [
        int(np.flatnonzero((every == row).all((1, 2, 3)))[0])
        for found, _ in dataset.batches(8, shuffle=True, **options)
        for row in found
    ]


def test_shuffling_depends_on_seed_and_epoch_only(tmp_path: Path) -> None:
    write(tmp_path / "a", {None: [30, 20]})
    write(tmp_path / "b", {None: [7, 11, 32]}, name="npz")
    dataset = load(tmp_path / "a")
    first = order_of(dataset, seed=1)
    assert sorted(first) == list(range(50))
    assert first == order_of(dataset, seed=1) == order_of(load(tmp_path / "b"), seed=1)
    others = [order_of(dataset, seed=2), order_of(dataset, seed=1, epoch=1), list(range(50))]
    assert first not in others
    assert sorted(others[1]) == list(range(50))


def test_drop_last(tmp_path: Path) -> None:
    write(tmp_path, {None: [10]})
    dataset = load(tmp_path)
    assert [len(labels) for _, labels in dataset.batches(4, drop_last=True)] == [4, 4]
    with pytest.raises(RequestError, match="at least 1"):
        dataset.batches(0)


def test_an_empty_dataset(tmp_path: Path) -> None:
    write(tmp_path / "none", {None: []})
    write(tmp_path / "zero", {None: [0]})
    for dataset in (load(tmp_path / "none"), load(tmp_path / "zero")):
        assert len(dataset) == 0
        assert list(dataset.batches(4, shuffle=True)) == []
        assert dataset.arrays()[0].shape == (0, 4, 5, 3)
        assert len(dataset.labels) == len(dataset.ids) == 0


def test_splits(tmp_path: Path) -> None:
    image, _ = write(tmp_path, {"train": [4], "test": [3]})
    test = load(tmp_path, "test")
    assert (test.split, test.splits) == ("test", ("train", "test"))
    np.testing.assert_array_equal(test.arrays()[0], image)
    assert load(tmp_path, split="train").ids[0] == "train/0"
    with pytest.raises(RequestError, match=r"choose one: split='train' \| 'test'"):
        load(tmp_path)
    with pytest.raises(RequestError, match="no split 'tets'; choose from train, test"):
        load(tmp_path, "tets")
    write(tmp_path / "one", {"train": [4]})
    assert load(tmp_path / "one").split == "train"
    write(tmp_path / "unsplit", {None: [4]})
    with pytest.raises(RequestError, match="no splits yet"):
        load(tmp_path / "unsplit", "train")


def test_refuses_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"dataset\.json is missing"):
        load(tmp_path)
    write(tmp_path, {None: [4]})
    content = json.loads((tmp_path / "dataset.json").read_text())
    for filename in ("../x.h5", "/etc/passwd", "shard.txt", "a\\b.h5"):
        content["shards"][0]["filename"] = filename
        (tmp_path / "dataset.json").write_text(json.dumps(content))
        with pytest.raises(RequestError, match=r"no name of a shard|shards.*: expected .*, got"):
            load(tmp_path)
    content["shards"][0]["filename"] = "x.h5"
    content["image"] = None
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(RequestError, match="holds no images"):
        load(tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_or_damaged_shard_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, {None: [4, 4]}, name=name)
    dataset = load(tmp_path)
    second = tmp_path / dataset.manifest.shards[1].filename
    second.write_bytes(second.read_bytes()[:-20])
    dataset[3]
    with pytest.raises(SourceError, match=second.name):
        dataset[4]
    second.unlink()
    with pytest.raises(SourceError, match="is missing"):
        dataset[4]


def brightness(job: tuple[Dataset, int]) -> int:
    dataset, index = job
    return int(dataset[index][0].sum())


_shared: list[Dataset] = []


def inherited_brightness(index: int) -> int:
    return brightness((_shared[0], index))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_that_fork_open_their_own_files(tmp_path: Path, stored: dict[str, str]) -> None:
    image, _ = write(tmp_path, {None: [5, 5]}, **stored)
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    dataset = load(tmp_path)
    dataset[0], dataset[9]
    _shared[:] = [dataset]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(inherited_brightness, list(range(10)) * 3)
        pool.close()  # else they are killed, while coverage may be writing what it saw
        pool.join()
    _shared.clear()
    assert found == image.sum((1, 2, 3), dtype=int).tolist() * 3
    np.testing.assert_array_equal(dataset[4][0], image[4])


def test_workers_that_spawn_get_it_pickled(tmp_path: Path) -> None:
    image, _ = write(tmp_path, {None: [5, 5]}, compression="gzip")
    dataset = load(tmp_path)
    dataset[0]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(brightness, [(dataset, 3), (dataset, 7)]) == [int(image[3].sum()), int(image[7].sum())]
        pool.close()
        pool.join()
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(copy.arrays()[0], image)
    assert len(pickle.dumps(dataset)) < 5000


def test_lists_arrays_and_masks_choose_images(tmp_path: Path) -> None:
    image, label = write(tmp_path, {None: [5, 0, 9, 1]})
    dataset = load(tmp_path)
    mask = np.arange(15) % 4 == 0
    for index in ([3, 1], [-1, 0, 14], np.array([7, 7, 2], np.uint8), mask, mask.tolist(), [], (4, 2)):
        chosen = list(index) if isinstance(index, tuple) else index
        wanted = np.array(chosen, int) if not len(chosen) else np.asarray(chosen)
        np.testing.assert_array_equal(dataset[index][0], image[wanted])
        np.testing.assert_array_equal(dataset[index][1], label[wanted])


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ([0, 15], "index 15 of a dataset with 15 images"),
        ([-16], "index -16 of a dataset"),
        ([True] * 14, "a mask of 14 for a dataset with 15 images"),
        ([0.5], "is no number, slice, list of numbers or mask"),
        ([[1, 2]], "is no number"),
        ("train", "is no number"),
        (None, "is no number"),
    ],
)
def test_what_chooses_no_image_is_an_index_error(tmp_path: Path, index: object, said: str) -> None:
    write(tmp_path, {None: [5, 0, 9, 1]})
    with pytest.raises(IndexError, match=said):
        load(tmp_path)[index]  # type: ignore[call-overload]


def test_several_splits_follow_each_other_in_the_order_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"fold-1": [3, 2], "fold-2": [4], "test": [1]})
    both = load(tmp_path, ["fold-2", "fold-1"])
    assert (len(both), both.split) == (9, "fold-2+fold-1")
    assert both.ids == [f"fold-2/{row}" for row in range(4)] + [f"fold-1/{row}" for row in range(5)]
    np.testing.assert_array_equal(both[5][0], load(tmp_path, "fold-1")[1][0])
    for wrong in ([], ["test", "test"]):
        with pytest.raises(RequestError, match="must name splits, each once"):
            load(tmp_path, wrong)
    with pytest.raises(RequestError, match="no split 'fold-3'; choose from fold-1, fold-2, test"):
        load(tmp_path, ["fold-1", "fold-3"])


def test_folds_give_each_fold_once_for_validation(tmp_path: Path) -> None:
    write(tmp_path, {"fold-1": [3], "fold-2": [4], "fold-3": [1, 1], "test": [2]})
    rounds = list(folds(tmp_path))
    assert [validation.split for _, validation in rounds] == ["fold-1", "fold-2", "fold-3"]
    for train, validation in rounds:
        assert len(train) + len(validation) == 9
        assert not set(train.ids) & set(validation.ids)
    assert rounds[1][0].split == "fold-1+fold-3"


def test_without_folds_there_is_no_cross_validation(tmp_path: Path) -> None:
    write(tmp_path, {"train": [3], "test": [4]})
    with pytest.raises(RequestError, match="there are no folds; set split"):
        next(folds(tmp_path))


def test_class_weight_by_index_keeps_the_place_of_a_class_without_images(tmp_path: Path) -> None:
    write(tmp_path, {None: [3]})
    assert load(tmp_path).class_weight == {0: 0.5, 1: 2.0, 2: 0.0}


@pytest.mark.parametrize("name", ["torch", "tf", "huggingface", "grain"])
def test_a_framework_that_is_not_there_is_asked_for_by_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {None: [3]})
    adapter = ADAPTERS[name]
    for module in (*adapter.needs, adapter.implementation.partition(":")[0]):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, adapter.implementation.partition(":")[0])
    with pytest.raises(RequestError, match=f"{adapter.package} is not installed: pip install {adapter.package}"):
        getattr(load(tmp_path), name)()
