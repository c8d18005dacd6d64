import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from imgprep.arrays.npz import open_npz
from imgprep.errors import SourceError

ARRAYS = {
    "image": np.arange(48, dtype=np.uint8).reshape(2, 4, 2, 3),
    "group/label": np.array([1.5, -2.0], ">f4"),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    "text": np.array(["äpfel", ""]),
    "scalar": np.array(7),
    "empty": np.zeros((0, 3), np.uint16),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.npz"


def npy(array: np.ndarray, **header: object) -> bytes:
    """The bytes of an npy file whose header may say something else."""
    stream = io.BytesIO()
    told = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape} | header
    text = repr(told).encode("latin1") + b"\n"
    stream.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + array.tobytes())
    return stream.getvalue()


def pack(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_what_numpy_saves(path: Path, save) -> None:
    save(path, **ARRAYS)
    with open_npz(str(path)) as file:
        assert file.names == tuple(ARRAYS)
        rows = {name: file.rows(name) for name in file.names}
        for name, array in ARRAYS.items():
            assert (file.headers[name].shape, file.headers[name].dtype) == (array.shape, array.dtype)
            np.testing.assert_array_equal(file.read(name), array)
            assert (file.locate(name) is None) == (save is np.savez_compressed)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(rows[name], array)


def test_reads_what_python_2_wrote(path: Path) -> None:
    header = b"\x93NUMPY\x01\x009\x00{'descr': '<i8', 'fortran_order': False, 'shape': (3L,)}\n"
    pack(path, {"x.npy": header + np.arange(3, dtype="<i8").tobytes()})
    with open_npz(str(path)) as file:
        np.testing.assert_array_equal(file.read("x"), np.arange(3))


def test_names_what_there_is(path: Path) -> None:
    np.savez(path, a=[1])
    with open_npz(str(path)) as file, pytest.raises(SourceError, match="b does not exist; there are a"):
        file.read("b")


@pytest.mark.parametrize(("members", "reason"), [
    ({"../x.npy": npy(np.arange(3))}, "is no array"),
    ({"/x.npy": npy(np.arange(3))}, "is no array"),
    ({"a\\..\\x.npy": npy(np.arange(3))}, "is no array"),
    ({"x.txt": b"hello"}, "is no array"),
    ({"x.npy": b"hello"}, "cannot be read"),
    ({"x.npy": b""}, "cannot be read"),
    ({"x.npy": npy(np.arange(3), shape=(4,))}, "bytes do not fit"),
    ({"x.npy": npy(np.arange(3), shape=(2,))}, "bytes do not fit"),
    ({"x.npy": npy(np.arange(3), shape=(-1, -3))}, "no npy header"),
    ({"x.npy": npy(np.arange(3), shape=(1 << 40, 0))}, "rows without bytes"),
    ({"x.npy": npy(np.arange(3), shape=(1 << 40,), descr="<U0")}, "rows without bytes"),
    ({"x.npy": npy(np.arange(3), descr="|O")}, "no pickled objects"),
    ({"x.npy": npy(np.arange(3), descr=[("a", "<i8")])}, "no npy header"),
    ({"x.npy": npy(np.arange(3), descr="<c16")}, "numbers or strings"),
    ({"x.npy": npy(np.arange(3), descr="<m8[s]")}, "numbers or strings"),
    ({"x.npy": npy(np.arange(3), shape=(True, 3))}, "no npy header"),
    ({"x.npy": npy(np.arange(3), shape=[3])}, "no npy header"),
    ({"x.npy": npy(np.arange(3), fortran_order=1)}, "no npy header"),
    ({"x.npy": npy(np.arange(3), more=1)}, "no npy header"),
    ({"x.npy": npy(np.arange(3), more="x" * 20_000)}, "header has"),
    ({"x.npy": b"\x93NUMPY\x01\x00\x03\x00{'a"}, "cannot be read"),
    ({"x.npy": b"\x93NUMPY\x01\x00\xff\x1f" + b"-" * 0x1FFF + b"1"}, "cannot be read"),
    ({"x.npy": b"\x93NUMPY\x01\x00\xff\x1f" + b"[" * 0x1FFF}, "cannot be read"),
    ({"x.npy": b"\x93NUMPY\x03\x00" + npy(np.arange(3))[8:]}, "version"),
])  # fmt: skip
def test_refuses_members(path: Path, members: dict[str, bytes], reason: str) -> None:
    pack(path, members)
    with pytest.raises(SourceError, match=reason) as refused:
        open_npz(str(path))
    assert str(refused.value).startswith(str(path))


def test_refuses_pickles(path: Path) -> None:
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(SourceError, match="no pickled objects"):
        open_npz(str(path))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_refuses_duplicates(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", npy(np.arange(3)))
        file.writestr("x.npy", npy(np.arange(4)))
    with pytest.raises(SourceError, match="there twice"):
        open_npz(str(path))


def test_refuses_other_compressions_and_encryption(path: Path) -> None:
    pack(path, {"x.npy": npy(np.arange(3))}, zipfile.ZIP_BZIP2)
    with pytest.raises(SourceError, match="another way than deflate"):
        open_npz(str(path))
    content = bytearray(pack(path, {"x.npy": npy(np.arange(3))}).read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match="encrypted"):
        open_npz(str(path))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_refuses_sizes_that_nobody_stored(path: Path, compression: int) -> None:
    content = bytearray(pack(path, {"x.npy": npy(np.arange(3))}, compression).read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 0xF0000000)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"declares 4,026,531,840 bytes of which only"):
        open_npz(str(path))


def test_refuses_overlapping_members(path: Path) -> None:
    pack(path, {"x.npy": npy(np.arange(300)), "y.npy": npy(np.arange(300))})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 8)
    path.write_bytes(content)
    with pytest.raises(SourceError):
        open_npz(str(path))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reports_damaged_bytes(path: Path, save) -> None:
    array = np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8)
    save(path, x=array)
    content = bytearray(path.read_bytes())
    content[2000] ^= 255
    path.write_bytes(content)
    with open_npz(str(path)) as file, pytest.raises(SourceError, match="cannot be read"):
        file.read("x")


def test_a_forged_longer_stream_is_not_read_beyond_its_shape(path: Path) -> None:
    honest, longer = npy(np.arange(3)), npy(np.arange(3)) + bytes(1 << 20)
    pack(path, {"x.npy": longer}, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    for signature, crc, size in ((b"PK\x01\x02", 16, 24), (b"PK\x03\x04", 14, 22)):
        entry = content.rindex(signature)
        content[entry + crc : entry + crc + 4] = struct.pack("<I", zlib.crc32(honest))
        content[entry + size : entry + size + 4] = struct.pack("<I", len(honest))
    path.write_bytes(content)
    with open_npz(str(path)) as file:
        np.testing.assert_array_equal(file.read("x"), np.arange(3))


@pytest.mark.parametrize("content", [b"", b"\x80\x04]\x94.", b"PK\x05\x06" + bytes(10)])
def test_refuses_what_is_no_zip(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be read"):
        open_npz(str(path))


def test_refuses_a_truncated_file_and_a_missing_one(path: Path) -> None:
    np.savez(path, **ARRAYS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SourceError, match="cannot be read"):
        open_npz(str(path))
    with pytest.raises(SourceError, match="is missing"):
        open_npz(str(path.with_name("none.npz")))
