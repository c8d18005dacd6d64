"""What every entry of FORMATS promises."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imgprep.errors import RequestError, SourceError
from imgprep.shards import FORMATS
from imgprep.shards.base import ShardFormat

TEXTS = [
    "",
    "apple/0001.jpg",
    "äpfel/🍏#3",
    "日本/x.png",
    "a" * 300,
    "\n",
    "\udfff".encode("utf-8", "replace").decode(),
]


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def shard_format(request: pytest.FixtureRequest) -> ShardFormat:
    return request.param


def example(dtype: str = "u1", rows: int = 7, *, one_hot: bool = False) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    image = (random.random((rows, 9, 8, 3)) * 255).astype(dtype)
    return {
        "image": image,
        "label": np.eye(rows, 4, dtype=np.float32) if one_hot else np.arange(rows, dtype=np.uint16),
        "id": np.array((TEXTS * (rows // 7 + 1))[:rows], dtype=object),
        "parent": np.array([""] * rows),
        "checksum": np.array([zlib.crc32(row) for row in image], dtype=np.uint32),
    }


def check(shard_format: ShardFormat, path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Everything that went in comes out, whole and by rows."""
    with shard_format.open(str(path)) as reader:
        assert sorted(reader.names) == sorted(arrays)
        for name, array in arrays.items():
            assert reader.shapes[name] == array.shape
            found = reader.read(name)
            if array.dtype.kind in "UO":
                assert found.dtype == object
                assert found.tolist() == array.tolist()
                continue
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)
            rows = reader.rows(name)
            assert (rows.shape, rows.dtype, len(rows)) == (array.shape, array.dtype, len(array))
            for index in range(len(array)):
                np.testing.assert_array_equal(rows[index], array[index])
            np.testing.assert_array_equal(rows[2:5], array[2:5])
            np.testing.assert_array_equal(rows[:], array)


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f2", "f4", "f8"])
def test_round_trip(shard_format: ShardFormat, tmp_path: Path, dtype: str, one_hot: bool) -> None:
    arrays = example(dtype, one_hot=one_hot)
    for compression in shard_format.compressions:
        path = tmp_path / f"{compression}{shard_format.suffix}"
        path.write_bytes(b"".join(shard_format.write(arrays, compression)))
        check(shard_format, path, arrays)


def test_zero_rows(shard_format: ShardFormat, tmp_path: Path) -> None:
    arrays = example(rows=0)
    for compression in shard_format.compressions:
        path = tmp_path / f"{compression}{shard_format.suffix}"
        path.write_bytes(b"".join(shard_format.write(arrays, compression)))
        check(shard_format, path, arrays)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    image=hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.float32]),
        st.tuples(*[st.integers(1, 4)] * 4),
        elements=st.integers(0, 255),
    ),
    data=st.data(),
)
@settings(deadline=None, max_examples=25)
@pytest.mark.parametrize("name", FORMATS)
def test_round_trip_of_anything(
    tmp_path_factory: pytest.TempPathFactory, name: str, image: np.ndarray, data: st.DataObject
) -> None:
    shard_format = FORMATS[name]
    ids = data.draw(st.lists(texts, min_size=len(image), max_size=len(image)))
    arrays = {"a/image": image, "a/id": np.array([*ids, None], dtype=object)[:-1], "label": image[:, 0, 0, 0]}
    path = tmp_path_factory.mktemp("shard") / f"x{shard_format.suffix}"
    path.write_bytes(b"".join(shard_format.write(arrays, data.draw(st.sampled_from(shard_format.compressions)))))
    check(shard_format, path, arrays)


def test_the_same_arrays_make_the_same_bytes(shard_format: ShardFormat) -> None:
    for compression in shard_format.compressions:
        first = bytes(b"".join(shard_format.write(example(), compression)))
        # Memory that was used for something else must not show through.
        np.full(1 << 20, 0xAB, np.uint8)
        again = {name: np.asfortranarray(array.copy()) for name, array in example().items()}
        assert bytes(b"".join(shard_format.write(again, compression))) == first


def test_text_types_make_no_difference(shard_format: ShardFormat) -> None:
    narrow = b"".join(shard_format.write({"id": np.array(TEXTS)}))
    assert bytes(narrow) == bytes(b"".join(shard_format.write({"id": np.array(TEXTS, dtype=object)})))


def test_uncompressed_images_are_mapped_aligned_and_outlive_the_reader(
    shard_format: ShardFormat, tmp_path: Path
) -> None:
    arrays = example("f8", rows=20)
    path = tmp_path / "x"
    path.write_bytes(b"".join(shard_format.write(arrays)))
    with shard_format.open(str(path)) as reader:
        rows: Any = reader.rows("image")
        assert reader.locate("image") is not None
        assert reader.locate("id") is None
    assert isinstance(rows, np.ndarray)
    assert rows.flags.aligned
    assert not rows.flags.writeable
    assert not rows.flags.owndata
    np.testing.assert_array_equal(rows, arrays["image"])


def test_compression_makes_images_smaller(shard_format: ShardFormat) -> None:
    arrays = example(rows=1) | {"image": np.zeros((50, 40, 40, 3), np.uint16)}
    sizes = [len(b"".join(shard_format.write(arrays, compression))) for compression in shard_format.compressions]
    assert shard_format.compressions[0] == "none"
    assert max(sizes[1:]) < sizes[0] / 4


def test_refuses_unknown_compressions(shard_format: ShardFormat) -> None:
    for compression in shard_format.compressions:
        shard_format.check(compression)
    with pytest.raises(RequestError, match="choose from none, gzip"):
        b"".join(shard_format.write(example(), "gzpi"))


@pytest.mark.parametrize("text", ["a\0b", 3, b"bytes"])
def test_refuses_what_is_no_text(shard_format: ShardFormat, text: object) -> None:
    with pytest.raises(ValueError, match="without NUL"):
        b"".join(shard_format.write({"id": np.array([text], dtype=object)}))


def test_names_a_missing_array(shard_format: ShardFormat, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"".join(shard_format.write({"label": np.arange(3)})))
    with shard_format.open(str(path)) as reader:
        for read in (reader.read, reader.rows, reader.locate):
            with pytest.raises(SourceError, match="image does not exist; there are label"):
                read("image")


def read_all(shard_format: ShardFormat, path: Path) -> dict[str, np.ndarray]:
    with shard_format.open(str(path)) as reader:
        return {name: reader.read(name) for name in reader.names}


def test_every_cut_is_refused(shard_format: ShardFormat, tmp_path: Path) -> None:
    content = bytes(b"".join(shard_format.write(example(rows=2))))
    path = tmp_path / "x"
    for size in (0, 1, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(SourceError, match=str(path)):
            read_all(shard_format, path)


@settings(deadline=None, max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
@pytest.mark.parametrize("name", FORMATS)
def test_a_changed_byte_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: float, byte: int
) -> None:
    shard_format = FORMATS[name]
    content = bytearray(b"".join(shard_format.write({"label": np.arange(3), "id": np.array(TEXTS)}, "gzip")))
    content[int(place * len(content))] = byte
    path = tmp_path_factory.mktemp("fuzz") / "x"
    path.write_bytes(content)
    try:
        found = read_all(shard_format, path)
    except SourceError:
        return
    assert all(array.nbytes < 1 << 20 for array in found.values())
