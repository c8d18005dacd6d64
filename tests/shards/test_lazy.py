from pathlib import Path

import numpy as np
import pytest

from imgprep.errors import SourceError
from imgprep.shards import FORMATS
from imgprep.shards.lazy import _MAX_MAPPED, _MAX_READERS, LazyShard, OpenShards

UINT8 = np.dtype("u1")


def write(path: Path, name: str, compression: str = "none", rows: int = 4) -> LazyShard:
    image = np.arange(rows * 12, dtype=np.uint8).reshape(rows, 2, 2, 3)
    path.write_bytes(b"".join(FORMATS[name].write({"image": image, "label": np.arange(rows)}, compression)))
    return LazyShard(str(path), FORMATS[name], (rows, 2, 2, 3), UINT8)


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("name", FORMATS)
def test_few_stay_open(tmp_path: Path, name: str, compression: str) -> None:
    shard, shards = write(tmp_path / "x", name, compression), OpenShards()
    for number in range(300):
        rows = shards.get(number, shard)
        assert rows.labels[3] == 3
    assert len(shards._mapped) == (_MAX_MAPPED if compression == "none" else 0)
    assert len(shards._readers) == (0 if compression == "none" else _MAX_READERS)
    assert shards.get(299, shard) is rows


def test_a_class_each_group(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    image = np.arange(60, dtype=np.uint8).reshape(5, 2, 2, 3)
    arrays = {"b/image": image[3:], "a/image": image[:3], "b/label": np.array([1, 1]), "a/label": np.array([0, 0, 0])}
    for compression in ("none", "gzip"):
        path.write_bytes(b"".join(FORMATS["hdf5"].write(arrays, compression)))
        mapped, rows = LazyShard(str(path), FORMATS["hdf5"], (5, 2, 2, 3), UINT8).open()
        assert mapped == (compression == "none")
        assert [int(rows.labels[index]) for index in range(5)] == [0, 0, 0, 1, 1]
        for index in range(5):
            np.testing.assert_array_equal(rows.images[index], image[index])
        for part in (slice(0, 5), slice(2, 4), slice(4, 5), slice(1, 1), slice(0, 5, 2)):
            np.testing.assert_array_equal(rows.images[part], image[part])


def test_refuses_what_the_index_does_not_say(tmp_path: Path) -> None:
    write(tmp_path / "x", "hdf5")
    for shape, dtype in (((3, 2, 2, 3), "u1"), ((4, 2, 2, 1), "u1"), ((4, 2, 2, 3), "f4")):
        with pytest.raises(SourceError, match=r"dataset\.json says"):
            LazyShard(str(tmp_path / "x"), FORMATS["hdf5"], shape, np.dtype(dtype)).open()
