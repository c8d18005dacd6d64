"""What every entry of FORMATS promises."""

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
from imgprep.testing.shards import TEXTS, check_round_trip, check_shard_format, example_arrays


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def shard_format(request: pytest.FixtureRequest) -> ShardFormat:
    return request.param


def test_every_format_keeps_the_contract(shard_format: ShardFormat, tmp_path: Path) -> None:
    check_shard_format(shard_format, tmp_path)


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
    check_round_trip(shard_format, path, arrays)


def test_the_same_arrays_make_the_same_bytes(shard_format: ShardFormat) -> None:
    for compression in shard_format.compressions:
        first = bytes(b"".join(shard_format.write(example_arrays(), compression)))
        # Memory that was used for something else must not show through.
        np.full(1 << 20, 0xAB, np.uint8)
        again = {name: np.asfortranarray(array.copy()) for name, array in example_arrays().items()}
        assert bytes(b"".join(shard_format.write(again, compression))) == first


def test_text_types_make_no_difference(shard_format: ShardFormat) -> None:
    narrow = b"".join(shard_format.write({"id": np.array(TEXTS)}))
    assert bytes(narrow) == bytes(b"".join(shard_format.write({"id": np.array(TEXTS, dtype=object)})))


def test_uncompressed_images_are_mapped_aligned_and_outlive_the_reader(
    shard_format: ShardFormat, tmp_path: Path
) -> None:
    arrays = example_arrays("f8", rows=20)
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
    arrays = example_arrays(rows=1) | {"image": np.zeros((50, 40, 40, 3), np.uint16)}
    sizes = [len(b"".join(shard_format.write(arrays, compression))) for compression in shard_format.compressions]
    assert shard_format.compressions[0] == "none"
    assert max(sizes[1:]) < sizes[0] / 4


def test_refuses_unknown_compressions(shard_format: ShardFormat) -> None:
    for compression in shard_format.compressions:
        shard_format.check(compression)
    with pytest.raises(RequestError, match="choose from none, gzip"):
        b"".join(shard_format.write(example_arrays(), "gzpi"))


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
