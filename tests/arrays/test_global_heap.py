"""Heaps of strings that HDF5 would never come to the end of."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from imgprep.arrays.hdf5 import checked_dataset, open_hdf5, read_attribute, read_dataset
from imgprep.errors import SourceError

TEXTS = ["", "apple/0001.jpg", "a" * 300, "日本/x.png", "\n"]


@pytest.fixture(params=[{}, {"libver": "latest"}, {"userblock_size": 512}], ids=["old", "new", "user block"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / "texts.h5"
    with h5py.File(made, "w", **request.param) as file:
        file["x"] = np.array(TEXTS, dtype=h5py.string_dtype())
        file.create_dataset("y", data=np.array(TEXTS, dtype=h5py.string_dtype()), chunks=(2,), compression="gzip")
        file.attrs["label"] = "plum"
    return made


def with_an_object_without_size(path: Path) -> int:
    """Makes the second object of the first heap reach into zeros: HDF5 takes those for unused objects of no size."""
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL\1")
    first = heap + 16
    second = first + 16 + (int.from_bytes(content[first + 8 : first + 16], "little") + 7 & -8)
    content[second + 16 : second + 16 + 128] = bytes(128)
    content[second + 8] = 24
    path.write_bytes(content)
    return heap


def test_whole_heaps_are_read(path: Path) -> None:
    with open_hdf5(str(path)) as file:
        assert read_dataset(checked_dataset(file, "x")).tolist() == TEXTS
        assert read_dataset(checked_dataset(file, "y")).tolist() == TEXTS
        assert read_attribute(file, "label") == "plum"


def test_an_object_without_size_is_refused_before_hdf5_walks_into_it(path: Path) -> None:
    heap = with_an_object_without_size(path)
    with open_hdf5(str(path)) as file:
        for name in ("x", "y"):
            with pytest.raises(SourceError, match=f"heap at byte {heap} is damaged"):
                read_dataset(checked_dataset(file, name))
        with pytest.raises(SourceError, match=f"heap at byte {heap} is damaged"):
            read_attribute(file, "label")


@pytest.mark.slow
def test_hdf5_itself_hangs_on_it(tmp_path: Path) -> None:
    """When this fails HDF5 has been mended, and the check may go."""
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.array(TEXTS, dtype=h5py.string_dtype())
    with_an_object_without_size(path)
    code = "import h5py, sys; h5py.File(sys.argv[1])['x'][:]"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", code, str(path)], timeout=4, check=False, capture_output=True)


def test_a_heap_is_looked_for_again_when_the_file_changes(path: Path) -> None:
    with open_hdf5(str(path)) as file:
        read_dataset(checked_dataset(file, "x"))
    with_an_object_without_size(path)
    with open_hdf5(str(path)) as file, pytest.raises(SourceError, match="heap"):
        read_dataset(checked_dataset(file, "x"))


def test_the_changed_byte_that_was_found_is_refused(tmp_path: Path) -> None:
    """Byte 1352 of a shard with ids of variable length, 14 -> 101: a length in the heap that leads into zeros."""
    from imgprep.shards import FORMATS

    ids = ["", "apple/0001.jpg", "äpfel/🍏#3", "日本/x.png", "a" * 300, "\n", "?"]
    content = bytearray(b"".join(FORMATS["hdf5"].write({"label": np.arange(3), "id": np.array(ids)}, "gzip")))
    heap = content.index(b"GCOL\1")
    lengths = content.index(b"apple", heap) - 8
    content[lengths] = 101
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    with FORMATS["hdf5"].open(str(path)) as reader, pytest.raises(SourceError, match="heap"):
        reader.read("id")


def test_a_row_that_claims_gigabytes_is_refused_before_they_are_spent(tmp_path: Path) -> None:
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.array(TEXTS, dtype=h5py.string_dtype()))
        place = file["x"].id.get_offset()
    content = bytearray(path.read_bytes())
    for row in range(len(TEXTS)):
        content[place + 16 * row + 3] = 0xE0
    path.write_bytes(content)
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_hdf5(str(path)) as file, pytest.raises(SourceError, match="cannot be read"):
        read_dataset(checked_dataset(file, "x"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # KiB
    assert resource.getrlimit(resource.RLIMIT_AS) == limits
