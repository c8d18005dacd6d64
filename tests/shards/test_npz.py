import zipfile
from pathlib import Path

import numpy as np
import pytest

from imgprep.errors import RequestError
from imgprep.shards.npz import NpzFormat

NPZ = NpzFormat()


@pytest.mark.parametrize("compression", NPZ.compressions)
def test_a_user_reads_it_with_numpy_alone(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "x.npz"
    arrays = {"image": np.arange(48, dtype=np.uint8).reshape(2, 4, 2, 3), "id": np.array(["a", "ü🍏"])}
    path.write_bytes(b"".join(NPZ.write(arrays, compression)))
    with np.load(path, allow_pickle=False) as found:
        assert found.files == ["image", "id"]
        np.testing.assert_array_equal(found["image"], arrays["image"])
        assert found["id"].tolist() == ["a", "ü🍏"]
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("name", ["x", "image", "a" * 61, "grüße/image"])
def test_data_begins_at_multiples_of_64(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"".join(NPZ.write({"odd": np.arange(3, dtype=np.uint8), name: np.arange(5.0)})))
    with NPZ.open(str(path)) as reader:
        plain = reader.locate(name)
        assert plain is not None
        assert plain.offset % 64 == 0


def test_has_no_attributes(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="format hdf5"):
        b"".join(NPZ.write({}, attributes={"apple": {"label": "apple"}}))
    path = tmp_path / "x.npz"
    path.write_bytes(b"".join(NPZ.write({}, attributes={"apple": {}})))
    with NPZ.open(str(path)) as reader:
        assert reader.names == ()
        assert reader.attributes("apple") == {}


def test_a_compressed_array_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"".join(NPZ.write({"image": np.zeros((3, 2, 2, 3))}, "gzip")))
    with NPZ.open(str(path)) as reader:
        assert reader.rows("image") is reader.rows("image")
