"""Real images end to end: pixels as OpenCV decodes and resizes them, labels and ids right, HDF5 and npz alike."""

import json
import multiprocessing
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import imgprep as package

Call = Callable[..., Any]
CONVERTED = {"audit": {"rules": {"class-size": {"min": 1}}}, "pack": {"dtype": "uint8", "normalize": "none"}}


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder


def arrays(folder: Path, split: str) -> Mapping[str, NDArray[Any]]:
    """The columns of a packed split, read without imgprep."""
    columns: dict[str, list[NDArray[Any]]] = {}
    for shard in json.loads((folder / "dataset.json").read_bytes())["shards"]:
        if shard["split"] != split:
            continue
        path = folder / shard["filename"]
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                read = {name: file[name] for name in file.files}
        else:
            with h5py.File(path) as file:
                read = {name: file[name][()] for name in file}
            read |= {name: np.array([text.decode() for text in read[name]], str) for name in ("id", "parent")}
        for name, values in read.items():
            columns.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in columns.items()}


@pytest.fixture(scope="module")
def cifar(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, project_type: Any) -> Any:
    """A finished run over CIFAR-10: ten classes of 32 x 32 JPEGs, 10,000 to train and 1,000 to test."""
    folder = tmp_path_factory.mktemp("cifar")
    source = unpacked(shared_data / "cifar10.tar.gz", folder) / "cifar10"
    project = project_type(folder, source)
    project.write(
        source={"layout": "split_directory", "path": str(source)},
        split={"method": "predefined", "validation": 0, "near_duplicates": "ignore"},
        audit={"rules": {"class-size": {"min": 1000}}},
        convert={"size": [32, 32]},
        pack=CONVERTED["pack"] | {"shard_size": "8 MiB"},
    )
    done = project.run("run", project.spec)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_every_cifar_image_is_in_its_split_with_its_label(cifar: Any) -> None:
    records = cifar.samples("pack")
    assert len(records) == 11_000
    assert {record["status"] for record in records.values()} == {"ok"}
    counts = cifar.manifest("pack")["counts"]
    assert {split: set(classes.values()) for split, classes in counts.items()} == {"train": {1000}, "test": {100}}
    classes = cifar.manifest("pack")["classes"]
    for split in counts:
        packed = arrays(cifar.output / "pack", split)
        assert len(set(packed["id"])) == len(packed["id"])
        for identity, label in zip(packed["id"].tolist(), packed["label"].tolist(), strict=True):
            assert identity.split("/")[:2] == [split, classes[label]]
            assert records[identity]["label"] == classes[label]


def test_cifar_pixels_are_those_of_opencv(cifar: Any) -> None:
    for split in ("train", "test"):
        packed = arrays(cifar.output / "pack", split)
        assert packed["image"].dtype == np.uint8
        for identity, image in list(zip(packed["id"].tolist(), packed["image"], strict=True))[::7]:
            file = (cifar.source / identity).read_bytes()
            decoded = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
            assert np.array_equal(image, cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)), identity


def test_cifar_shards_are_shuffled_and_mixed(cifar: Any) -> None:
    labels = arrays(cifar.output / "pack", "train")["label"]
    assert min(Counter(labels[:1000].tolist()).values()) > 50


def test_hdf5_and_npz_hold_the_same_arrays(cifar: Any, imgprep: Call) -> None:
    pack = cifar.output / "pack"
    before = {split: arrays(pack, split) for split in ("train", "test")}
    other = imgprep("pack", cifar.spec, "--set", "pack.format=npz")
    assert other.returncode == 0, other.stderr
    assert "convert: up to date" in other.stderr
    assert not list(pack.glob("*.h5"))
    for split, wanted in before.items():
        found = arrays(pack, split)
        assert found.keys() == wanted.keys() == {"image", "label", "id", "parent", "checksum"}
        for name, values in wanted.items():
            assert np.array_equal(found[name], values), name
            assert found[name].dtype == values.dtype or name in {"id", "parent"}, name
    assert imgprep("pack", cifar.spec).returncode == 0


def test_load_sees_what_was_packed(cifar: Any) -> None:
    train = package.load(cifar.output / "pack", split="train")
    packed = arrays(cifar.output / "pack", "train")
    assert len(train) == 10_000
    assert train.classes == tuple(sorted(train.classes))
    assert set(train.class_weights.values()) == {1.0}
    for row in (0, 4_999, 9_999):
        image, label = train[row]
        assert np.array_equal(image, packed["image"][row])
        assert label == packed["label"][row]
    seen = [labels for _, labels in train.batches(256, shuffle=True, seed=0)]
    assert Counter(np.concatenate(seen).tolist()) == dict.fromkeys(range(10), 1000)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_dataset_survives_forked_and_spawned_loaders(cifar: Any, method: str) -> None:
    dataset = package.load(cifar.output / "pack", split="test")
    rows = [0, 1, 500, 999]
    wanted = [int(np.asarray(dataset[row][0], np.int64).sum()) for row in rows]  # opens files before the fork
    context: Any = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        jobs = [pool.apply_async(dataset.__getitem__, (row,)) for row in rows]
        found = [int(np.asarray(job.get(60)[0], np.int64).sum()) for job in jobs]
        pool.close()  # else they are killed, while coverage may be writing what it saw
        pool.join()
    assert found == wanted


@pytest.fixture(scope="module")
def photos(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 photographs of many sizes in one folder."""
    return unpacked(shared_data / "photos.tar", tmp_path_factory.mktemp("photos"))


def test_photos_are_those_of_opencv_by_area(photos: Path, new_project: Callable[..., Any]) -> None:
    project = new_project(photos, **CONVERTED | {"convert": {"size": [224, 224]}})
    done = project.run("run", project.spec)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(project.samples("convert")) == project.manifest("convert")["samples"]["ok"] == 200
    assert len(project.manifest("pack")["classes"]) == 1
    converted = package.load(project.output / "convert")
    compared = 0
    for row, identity in enumerate(converted.ids):
        decoded = cv2.imdecode(np.fromfile(photos / str(identity), np.uint8), cv2.IMREAD_COLOR)
        if min(decoded.shape[:2]) <= 224:
            continue
        wanted = cv2.resize(decoded, (224, 224), interpolation=cv2.INTER_AREA)
        assert np.array_equal(converted[row][0], cv2.cvtColor(wanted, cv2.COLOR_BGR2RGB)), identity
        compared += 1
    assert compared > 150
