"""Images in arrays: names, labels, and what damaged or lying files get."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgprep.errors import RequestError, SourceError
from imgprep.sources.arrays import find_pairs, read_labels
from imgprep.sources.hdf5 import Hdf5
from imgprep.sources.idx import Idx
from imgprep.sources.npz import Npz

PIXELS = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)[:, :, :2]
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"image", "label"}, [("image", "label", "")]),
        ({"X", "Y"}, [("X", "Y", "")]),
        ({"train_images", "train_labels"}, [("train_images", "train_labels", "train")]),
        ({"images-val", "labels-val", "id"}, [("images-val", "labels-val", "val")]),
        ({"X_test", "y_test", "other"}, [("X_test", "y_test", "test")]),
        ({"x_train", "y_training"}, [("x_train", "y_training", "train")]),
        ({"X_dev", "y_dev"}, [("X_dev", "y_dev", "dev")]),
        ({"train/image", "train/label"}, [("train/image", "train/label", "train")]),
        ({"x_train", "y_train", "x_mean"}, [("x_train", "y_train", "train")]),
        ({"x_left", "y_left"}, [("x_left", "y_left", "left")]),
        ({"label"}, []),
        ({"cats", "dogs"}, []),
    ],
)
def test_names_that_belong_together(names: set[str], expected: list[tuple[str, str, str]]) -> None:
    assert [tuple(pair) for pair in find_pairs(sorted(names), "f")] == expected


@pytest.mark.parametrize("names", ["image", "x_train y_test", "x image y", "x_val x_valid y_val"])
def test_names_that_do_not(names: str) -> None:
    with pytest.raises(SourceError, match="f: "):
        find_pairs(names.split(), "f")


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_one_hot_labels_mean_the_same_as_indices(labels: list[int]) -> None:
    one_hot = np.eye(7)[labels]
    assert read_labels(one_hot, len(labels), "f").tolist() == labels
    assert read_labels(np.array(labels)[:, None], len(labels), "f").tolist() == labels


BAD_LABELS = {
    "no one": np.zeros((6, 3)),
    "many ones": np.ones((6, 3)),
    "fractions": np.full((6, 3), 1 / 3),
    "floats": np.zeros(6, float),
    "booleans": np.zeros(6, bool),
    "few": LABELS[:5],
    "scalar": np.int64(3),
    "negative": np.full(6, -1),
    "three dimensions": np.zeros((6, 2, 2)),
    "large": np.full(6, 2**40),
    "latin-1": np.array([b"\xff"] * 6),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_are_none(name: str) -> None:
    with pytest.raises(SourceError, match="f: "):
        read_labels(np.asarray(BAD_LABELS[name]), 6, "f")


def idx_bytes(values: np.ndarray[Any, Any], magic: int | None = None, shape: tuple[int, ...] | None = None) -> bytes:
    shape = shape or values.shape
    head = struct.pack(">I", 0x0800 + len(shape) if magic is None else magic)
    return head + struct.pack(f">{len(shape)}I", *shape) + values.tobytes()


def write_idx(folder: Path, images: bytes, labels: bytes | None = None, suffix: str = "") -> Idx:
    (folder / f"train-images-idx3-ubyte{suffix}").write_bytes(images)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS) if labels is None else labels)
    return Idx(folder)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_reads_rows(tmp_path: Path, suffix: str) -> None:
    content = idx_bytes(PIXELS)
    source = write_idx(tmp_path, gzip.compress(content) if suffix else content, suffix=suffix)
    samples = list(source.samples())
    assert [(sample.label, sample.split) for sample in samples] == [(str(label), "train") for label in LABELS]
    np.testing.assert_array_equal(source.read(samples[4]), PIXELS[4])
    one = Idx(tmp_path / f"train-images-idx3-ubyte{suffix}")
    again = list(one.samples())
    assert [sample.id for sample in again] == [sample.id for sample in samples]
    np.testing.assert_array_equal(one.read(again[3]), PIXELS[3])


def test_idx_in_a_folder_of_the_same_name(tmp_path: Path) -> None:
    folder = tmp_path / "train-images-idx3-ubyte"
    folder.mkdir()
    source = write_idx(folder, idx_bytes(PIXELS))
    np.testing.assert_array_equal(source.read(list(source.samples())[2]), PIXELS[2])


BAD_IDX: dict[str, Callable[[], tuple[bytes, bytes | None]]] = {
    "magic": lambda: (idx_bytes(PIXELS, 0x12345678), None),
    "type": lambda: (idx_bytes(PIXELS, 0x0D03), None),
    "zero dimensions": lambda: (idx_bytes(PIXELS, 0x0800), None),
    "empty": lambda: (b"", None),
    "head": lambda: (idx_bytes(PIXELS)[:9], None),
    "short": lambda: (idx_bytes(PIXELS)[:-1], None),
    "long": lambda: (idx_bytes(PIXELS) + b"x", None),
    "giant": lambda: (idx_bytes(PIXELS, shape=(2**32 - 1,) * 3), None),
    "no pixels": lambda: (idx_bytes(PIXELS, shape=(6, 0, 5)), None),
    "few labels": lambda: (idx_bytes(PIXELS), idx_bytes(LABELS[:5])),
    "many labels": lambda: (idx_bytes(PIXELS), idx_bytes(np.zeros(2**16, np.uint8))),
    "giant labels": lambda: (idx_bytes(PIXELS), idx_bytes(LABELS, shape=(2**32 - 1,))),
    "labels are images": lambda: (idx_bytes(PIXELS), idx_bytes(PIXELS)),
}


@pytest.mark.parametrize("name", BAD_IDX)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lying_idx_files_are_refused(tmp_path: Path, name: str, suffix: str) -> None:
    images, labels = BAD_IDX[name]()
    with pytest.raises(SourceError, match="ubyte"):
        list(write_idx(tmp_path, gzip.compress(images) if suffix else images, labels, suffix).samples())


@pytest.mark.parametrize("name", ["cut", "crc", "members", "bomb", "no gzip"])
def test_damaged_gzip_is_refused(tmp_path: Path, name: str) -> None:
    content = idx_bytes(PIXELS)
    packed = gzip.compress(content)
    bad = {
        "cut": packed[:-9],
        "crc": packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:],
        "members": packed + packed,
        "bomb": gzip.compress(content + bytes(10_000_000)),
        "no gzip": content,
    }
    with pytest.raises(SourceError, match=r"ubyte\.gz: "):
        list(write_idx(tmp_path, bad[name], suffix=".gz").samples())


def test_idx_files_must_be_complete_pairs(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no file like train-images"):
        list(Idx(tmp_path).samples())
    with pytest.raises(RequestError, match=r"no such file or folder"):
        list(Idx(tmp_path / "none").samples())
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(PIXELS))
    with pytest.raises(SourceError, match="labels-idx1-ubyte file is missing"):
        list(Idx(tmp_path).samples())


def test_class_names_must_be_enough_and_usable(tmp_path: Path) -> None:
    write_idx(tmp_path, idx_bytes(PIXELS))
    assert [sample.label for sample in Idx(tmp_path, ("a", "b", "c")).samples()][:3] == ["a", "b", "c"]
    for names, message in ((("a", "b"), "name every class"), (("a", "..", "c"), "cannot be called")):
        with pytest.raises(RequestError, match=message):
            list(Idx(tmp_path, names).samples())


def test_a_file_that_changed_since_it_was_listed_is_refused(tmp_path: Path) -> None:
    source = write_idx(tmp_path, idx_bytes(PIXELS))
    sample = next(iter(source.samples()))
    write_idx(tmp_path, idx_bytes(PIXELS[:5]), idx_bytes(LABELS[:5]))
    with pytest.raises(SourceError, match="changed"):
        source.read(sample)


BAD_ARRAYS: dict[str, dict[str, Any]] = {
    "float": {"x": PIXELS / 255, "y": LABELS},
    "int": {"x": PIXELS.astype(np.int32), "y": LABELS},
    "flat": {"x": PIXELS.reshape(6, -1), "y": LABELS},
    "channels first": {"x": np.zeros((6, 3, 8, 8), np.uint8), "y": LABELS},
    "four channels": {"x": np.zeros((6, 8, 8, 4), np.uint8), "y": LABELS},
    "counts": {"x": PIXELS, "y": LABELS[:5]},
    "no labels": {"x_train": PIXELS, "y_test": LABELS},
    "float labels": {"x": PIXELS, "y": LABELS / 2},
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_are_no_images_are_refused(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "a.npz", **BAD_ARRAYS[name])
    with pytest.raises(SourceError, match=r"a\.npz"):
        list(Npz(tmp_path / "a.npz").samples())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for key, values in BAD_ARRAYS[name].items():
            file[key] = values
    with pytest.raises(SourceError, match=r"a\.h5"):
        list(Hdf5(tmp_path / "a.h5").samples())


def test_damaged_npz_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=PIXELS, y=np.array([{}], object))
    with pytest.raises(SourceError, match="pickle"):
        list(Npz(path).samples())
    np.savez(path, x=PIXELS, y=LABELS)
    good = path.read_bytes()
    at = good.index(PIXELS.tobytes())
    for bad in (good[:-30], good[:at] + b"\xff" + good[at + 1 :], b"", b"PK", good[: len(good) // 2]):
        path.write_bytes(bad)
        with pytest.raises(SourceError, match=r"a\.npz"):
            list(Npz(path).samples())


def test_16_bit_big_endian_rows_come_in_the_machines_order(tmp_path: Path) -> None:
    wide = (PIXELS.astype(np.uint16) * 500).astype(">u2")
    np.savez(tmp_path / "a.npz", image=wide, label=LABELS)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"], file["label"] = wide, LABELS
    for source in (Npz(tmp_path / "a.npz"), Hdf5(tmp_path / "a.h5")):
        for sample in list(source.samples())[::-1]:
            row = np.asarray(source.read(sample))
            assert row.dtype.isnative
            np.testing.assert_array_equal(row, wide[int(sample.id.partition("#")[2])])


def test_text_labels_that_are_empty_cost_their_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=PIXELS, label=np.array(["a", "", "b", "a", "a", "b"]))
    samples = list(Npz(tmp_path / "a.npz").samples())
    assert [sample.status for sample in samples].count("quarantined") == 1


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """The handbook's hierarchy: some groups have a label, some a name."""
    path = tmp_path / "pets.h5"
    with h5py.File(path, "w") as file:
        for number, (key, outer, inner) in enumerate(
            (("label", "cats", ("persian", "siamese")), ("name", "dogs", ("poodle", "beagle")))
        ):
            group = file.create_group(f"g{number}")
            group.attrs[key] = outer
            for position, name in enumerate(inner):
                below = group.create_group(f"s{position}")
                below.attrs["label"] = name
                below["images"] = PIXELS[:2]
        file.create_group("fish")
    return path


def test_hdf5_hierarchies_have_levels(handbook: Path) -> None:
    samples = list(Hdf5(handbook).samples())
    assert [sample.label for sample in samples[::2]] == ["cats/persian", "cats/siamese", "dogs/poodle", "dogs/beagle"]
    assert samples[0].attributes == {"level1": "cats", "level2": "persian"}
    assert {sample.label for sample in Hdf5(handbook, level=1).samples()} == {"cats", "dogs"}
    assert set(Hdf5(handbook, level=1).declared_classes()) == {"cats", "dogs", "fish"}
    assert {sample.status for sample in Hdf5(handbook, level=3).samples()} == {"quarantined"}


def test_hdf5_companions_of_images_are_passed_over(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("cat")
        group["image"], group["checksum"], group["id"] = PIXELS, np.arange(6), [f"c/{n}" for n in range(6)]
    assert [sample.id for sample in Hdf5(tmp_path / "a.h5").samples()][:2] == ["a.h5#cat/image/0", "a.h5#cat/image/1"]


@pytest.mark.parametrize("name", ["a/b", "..", ""])
def test_hdf5_class_names_are_checked(tmp_path: Path, name: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("g").attrs["label"] = name
        file["g"]["x"] = PIXELS
    with pytest.raises(RequestError, match="cannot be called"):
        list(Hdf5(tmp_path / "a.h5").samples())


def test_hostile_hdf5_is_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_bytes(PIXELS.tobytes())
    path = tmp_path / "a.h5"

    def external_link(file: h5py.File) -> None:
        file["g/x"] = h5py.ExternalLink(str(canary), "/x")

    def soft_link(file: h5py.File) -> None:
        file["g/x"] = h5py.SoftLink("/g")

    def cycle(file: h5py.File) -> None:
        file["g/up"] = file["g"]

    def storage(file: h5py.File) -> None:
        file["g"].create_dataset("x", (6, 4, 2), "u1", external=[(str(canary), 0, 48)])

    def loose(file: h5py.File) -> None:
        file["pixels"] = PIXELS

    def attribute(file: h5py.File) -> None:
        file["g"].attrs["label"] = np.zeros(3)
        file["g/x"] = PIXELS

    for spoil in (external_link, soft_link, cycle, storage, loose, attribute):
        with h5py.File(path, "w") as file:
            file.create_group("g")
            spoil(file)
        with pytest.raises(SourceError, match=r"a\.h5"):
            list(Hdf5(path).samples())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SourceError, match=r"a\.h5"):
        list(Hdf5(path).samples())


MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


@pytest.mark.skipif(not MNIST.is_dir(), reason="needs the real MNIST files")
def test_the_real_mnist() -> None:
    source = Idx(MNIST)
    samples = list(source.samples())
    assert len(samples) == 70_000
    assert [sample.split for sample in samples].count("t10k") == 10_000
    zeros = [sample for sample in samples if sample.label == "0" and sample.split == "train"]
    assert len(zeros) == 5_923
    pixels = np.stack([np.asarray(source.read(sample)) for sample in samples[:60_000:100]])
    assert pixels.shape == (600, 28, 28)
    assert 30 < pixels.mean() < 37
