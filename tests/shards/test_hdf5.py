from pathlib import Path

import h5py
import numpy as np
import pytest

from imgprep.arrays import filters
from imgprep.errors import RequestError
from imgprep.shards.hdf5 import Hdf5Format

HDF5 = Hdf5Format()


def test_a_user_reads_it_with_h5py_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    image = np.arange(48, dtype=np.uint8).reshape(2, 4, 2, 3)
    path.write_bytes(b"".join(HDF5.write({"image": image, "id": np.array(["a", "ü"])})))
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["image"][:], image)
        assert file["image"].chunks is None
        assert file["image"].id.get_offset() is not None
        assert file["id"].asstr()[:].tolist() == ["a", "ü"]


def test_one_long_text_does_not_widen_the_column() -> None:
    ids = ["x"] * 5000
    assert len(b"".join(HDF5.write({"id": np.array([*ids, "y" * 4000], dtype=object)}))) < 400_000


def test_groups_have_attributes(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    arrays = {"apple/image": np.zeros((2, 3, 3, 3)), "ünï/image": np.zeros((1, 3, 3, 3))}
    path.write_bytes(
        b"".join(HDF5.write(arrays, attributes={"apple": {"label": "Apfel"}, "ünï": {"label": ""}, "": {"by": "me"}}))
    )
    with HDF5.open(str(path)) as reader:
        assert reader.names == ("apple/image", "ünï/image")
        assert reader.attributes("apple") == {"label": "Apfel"}
        assert reader.attributes("ünï") == {"label": ""}
        assert reader.attributes("") == {"by": "me"}
    with pytest.raises(ValueError, match="too long"):
        b"".join(HDF5.write({}, attributes={"": {"classes": "x" * 70_000}}))


@pytest.mark.parametrize(("shape", "rows"), [((5, 300, 300, 3), 1), ((1000, 28, 28, 1), 83), ((3, 28, 28, 1), 3)])
def test_a_chunk_holds_few_rows(tmp_path: Path, shape: tuple[int, ...], rows: int) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(b"".join(HDF5.write({"image": np.zeros(shape, np.uint8)}, "gzip")))
    with h5py.File(path) as file:
        assert file["image"].chunks == (rows, *shape[1:])


def test_plugins_are_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgprep.shards.hdf5_files.plugins", lambda: None)
    assert HDF5.compressions == ("none", "gzip", "lzf")
    with pytest.raises(RequestError, match="pip install hdf5plugin"):
        HDF5.check("zstd")


@pytest.mark.skipif(filters.plugins() is None, reason="hdf5plugin is not installed")
def test_plugins_are_offered() -> None:
    assert {"blosc", "lz4", "zstd"} <= set(HDF5.compressions)
