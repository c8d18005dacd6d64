from pathlib import Path

import h5py
import numpy as np
import pytest

from imgprep.arrays.hdf5 import checked_dataset, locate_dataset, open_hdf5, read_dataset, walk
from imgprep.errors import SourceError


def make(path: Path, **options) -> h5py.File:
    return h5py.File(path, "w", **options)


def refuse(path: Path, name: str = "x") -> str:
    """The message with which `name` is refused, by name and by walking alike."""
    with open_hdf5(str(path)) as file:
        with pytest.raises(SourceError) as named:
            read_dataset(checked_dataset(file, name))
        with pytest.raises(SourceError):
            [read_dataset(found) for _, found in walk(file) if isinstance(found, h5py.Dataset)]
    message = str(named.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.h5"


def test_walk_finds_everything_parents_first_by_name(path: Path) -> None:
    with make(path) as file:
        file["b/y/deep"] = np.arange(3)
        file["b/x"] = np.arange(2)
        file["a"] = [1.0]
        file["type"] = np.dtype("u1")
    with open_hdf5(str(path)) as file:
        assert [name for name, _ in walk(file)] == ["a", "b", "b/x", "b/y", "b/y/deep"]
        assert [name for name, _ in walk(file["b"])] == ["x", "y", "y/deep"]


@pytest.mark.parametrize("data", [np.arange(12, dtype=">i4").reshape(3, 4), np.float64(3), np.array([True, False])])
@pytest.mark.parametrize("options", [{}, {"userblock_size": 512}, {"libver": "latest"}])
def test_reads_numbers(path: Path, data: np.ndarray, options: dict) -> None:
    with make(path, **options) as file:
        file["x"] = data
    with open_hdf5(str(path)) as file:
        dataset = checked_dataset(file, "/x")
        found = read_dataset(dataset)
        plain = locate_dataset(dataset)
    np.testing.assert_array_equal(found, data)
    assert found.dtype == data.dtype
    if data.dtype.kind != "b":
        np.testing.assert_array_equal(plain.map(), data)


@pytest.mark.parametrize(
    "options", [{"chunks": True}, {"compression": "gzip"}, {"fletcher32": True}, {"compression": "lzf"}]
)
def test_reads_rows_of_chunks_without_mapping(path: Path, options: dict) -> None:
    data = np.arange(60, dtype=np.uint16).reshape(10, 2, 3)
    with make(path) as file:
        file.create_dataset("x", data=data, **options)
    with open_hdf5(str(path)) as file:
        dataset = checked_dataset(file, "x")
        assert locate_dataset(dataset) is None
        np.testing.assert_array_equal(read_dataset(dataset, 3), data[3])
        np.testing.assert_array_equal(read_dataset(dataset, slice(2, 9, 3)), data[2:9:3])


@pytest.mark.parametrize("length", [None, 12])
@pytest.mark.parametrize("chunks", [None, (2,)])
def test_reads_strings(path: Path, length: int | None, chunks: tuple[int] | None) -> None:
    texts = ["", "äpfel", "🍏", "plum"] * 10
    with make(path) as file:
        encoded = np.array([text.encode() for text in texts], dtype=h5py.string_dtype("utf-8", length))
        file.create_dataset("x", data=encoded, chunks=chunks)
    with open_hdf5(str(path)) as file:
        dataset = checked_dataset(file, "x")
        assert read_dataset(dataset).tolist() == texts
        assert read_dataset(dataset, slice(1, 30, 7)).tolist() == texts[1:30:7]
        assert read_dataset(dataset, 1).tolist() == "äpfel"
        assert locate_dataset(dataset) is None


def test_zero_rows(path: Path) -> None:
    with make(path) as file:
        file["x"] = np.zeros((0, 4, 4, 3), np.uint8)
    with open_hdf5(str(path)) as file:
        assert locate_dataset(checked_dataset(file, "x")).map().shape == (0, 4, 4, 3)


def test_refuses_links_that_leave_or_turn_back(path: Path) -> None:
    secret = path.with_name("secret.h5")
    with make(secret) as file:
        file["x"] = [42]
    with make(path) as file:
        file["x"] = h5py.ExternalLink("secret.h5", "/x")
    assert "external link" in refuse(path)
    with make(path) as file:
        file["y"] = [1]
        file["x"] = h5py.SoftLink("/y")
    assert "soft link" in refuse(path)
    with make(path) as file:
        file["a/b/x"] = [1]
        file["a/b/c"] = file["a"]
    with open_hdf5(str(path)) as file, pytest.raises(SourceError, match="linked more than once"):
        list(walk(file))
    with make(path) as file:
        file["g"] = h5py.ExternalLink("secret.h5", "/")
    with open_hdf5(str(path)) as file, pytest.raises(SourceError, match="external link"):
        checked_dataset(file, "g/x")


def test_refuses_storage_elsewhere(path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_bytes(b"root:x:0:0" * 10)
    with make(path) as file:
        file.create_dataset("x", (100,), "u1", external=[(str(secret), 0, 100)])
    assert "external files" in refuse(path)
    with make(path.with_name("source.h5")) as file:
        file["x"] = [42]
    with make(path) as file:
        layout = h5py.VirtualLayout((1,), "i8")
        layout[:] = h5py.VirtualSource("source.h5", "x", (1,))
        file.create_virtual_dataset("x", layout)
    assert "virtual" in refuse(path)


@pytest.mark.parametrize("options", [{}, {"chunks": (1024, 1024)}, {"chunks": (1024, 1024), "compression": "gzip"}])
def test_refuses_sizes_that_nobody_stored(path: Path, options: dict) -> None:
    with make(path) as file:
        file.create_dataset("x", (1 << 20, 1 << 20), "u1", **options)
        if options:
            file["x"][0, 0] = 1
    assert path.stat().st_size < 2_000_000
    assert "declares 1,099,511,627,776 bytes" in refuse(path)


def test_refuses_rows_without_bytes(path: Path) -> None:
    with make(path) as file:
        file.create_dataset("x", (1 << 40, 0), "u1")
    assert "rows without bytes" in refuse(path)


def test_refuses_a_chunk_that_expands_beyond_its_shape(path: Path) -> None:
    with make(path) as file:
        dataset = file.create_dataset("x", (4, 16), "u1", chunks=(1, 16), compression="gzip")
        dataset[:] = 1
        dataset.id.write_direct_chunk((0, 0), bytes(200_000))
    assert "more than its shape can fill" in refuse(path)


def test_refuses_two_compressors_and_unknown_ones(path: Path) -> None:
    with make(path) as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4,))
        properties.set_deflate(1)
        properties.set_filter(32000, h5py.h5z.FLAG_OPTIONAL)
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple((4,)), properties)
        file["x"][:] = 1
    assert "more than once" in refuse(path)
    with make(path) as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((4,))
        properties.set_filter(305, h5py.h5z.FLAG_OPTIONAL)
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple((4,)), properties)
        file["x"][:] = 1
    assert "unknown filter 305" in refuse(path)


@pytest.mark.parametrize("data", [
    np.array([b"\x80\x04N."], dtype=h5py.vlen_dtype(np.uint8)),
    np.zeros(2, [("a", "u1"), ("b", "f4")]),
    np.zeros(2, complex),
    h5py.Empty("f4"),
    np.array([np.void(b"abc")]),
])  # fmt: skip
def test_refuses_types(path: Path, data: object) -> None:
    with make(path) as file:
        if isinstance(data, np.ndarray) and data.dtype.kind == "O":
            file.create_dataset("x", (1,), h5py.vlen_dtype(np.uint8))[0] = [1, 2]
        else:
            file["x"] = data
    refuse(path)


def test_refuses_references(path: Path) -> None:
    with make(path) as file:
        file.create_dataset("x", (1,), h5py.ref_dtype)[0] = file.ref
    assert "numbers or strings" in refuse(path)


def test_refuses_text_that_one_heap_object_multiplies(path: Path) -> None:
    texts = 1000
    with make(path, libver="v110") as file:
        file.create_dataset("x", data=["y" * 60_000, *["z"] * (texts - 1)], dtype=h5py.string_dtype())
        offset = file["x"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[offset : offset + 16 * texts] = content[offset : offset + 16] * texts
    path.write_bytes(content)
    assert "more text than the file can hold" in refuse(path)


def test_refuses_text_that_is_no_utf8(path: Path) -> None:
    with make(path) as file:
        file.create_dataset("x", data=np.array([b"\xff\xfe"], dtype=h5py.string_dtype("utf-8", 2)))
    assert "utf-8" in refuse(path)


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_refuses_what_is_no_hdf5(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.h5: cannot be read"):
        open_hdf5(str(path))


def test_refuses_a_truncated_file_a_folder_and_a_missing_one(path: Path) -> None:
    with make(path) as file:
        file["x"] = np.arange(10_000)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match="truncated"):
        open_hdf5(str(path))
    with pytest.raises(SourceError, match="is a folder; give a file of arrays"):
        open_hdf5(str(path.parent))
    with pytest.raises(SourceError, match="is missing"):
        open_hdf5(str(path.with_name("none.h5")))


def test_reports_damaged_compressed_bytes(path: Path) -> None:
    with make(path) as file:
        file.create_dataset("x", data=np.arange(1000), chunks=(1000,), compression="gzip")
        place = file["x"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 30] ^= 255
    path.write_bytes(content)
    assert "cannot be read" in refuse(path)


def test_names_what_is_missing(path: Path) -> None:
    with make(path) as file:
        file["g/x"] = [1]
    with open_hdf5(str(path)) as file:
        for name in ("y", "g", "g/x/y", "", "g/./x", "."):
            with pytest.raises(SourceError):
                checked_dataset(file, name)
