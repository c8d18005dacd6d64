"""The contract of shard formats."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.errors import RequestError, SourceError
from imgprep.shards.base import ShardFormat

TEXTS: Final = ("", "apple/0001.jpg", "äpfel/🍏#3", "日本/x.png", "a" * 300, "\n", "?")
"""Ids that a format must keep as they are."""


def example_arrays(dtype: str = "u1", rows: int = 7, *, one_hot: bool = False) -> dict[str, NDArray[Any]]:
    """The arrays of a small shard.

    Args:
        dtype: of the images.
        rows: how many.
        one_hot: whether labels are (N, 4) float32 instead of (N,) uint16.

    Returns:
        image (N, 9, 8, 3), label, id (N,) str, parent (N,) str, checksum (N,) uint32.
    """
    image = (np.random.default_rng(0).random((rows, 9, 8, 3)) * 255).astype(dtype)
    return {
        "image": image,
        "label": np.eye(rows, 4, dtype=np.float32) if one_hot else np.arange(rows, dtype=np.uint16),
        "id": np.array((TEXTS * (rows // len(TEXTS) + 1))[:rows], dtype=object),
        "parent": np.array([""] * rows),
        "checksum": np.array([zlib.crc32(row) for row in image], dtype=np.uint32),
    }


def check_round_trip(shard_format: ShardFormat, path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Reads a shard back, whole and by rows, and compares it with the arrays that were written.

    Raises:
        AssertionError: something differs.
    """
    with shard_format.open(str(path)) as reader:
        assert sorted(reader.names) == sorted(arrays)
        for name, array in arrays.items():
            assert reader.shapes[name] == array.shape
            shape, dtype = reader.check(name)
            assert shape == array.shape
            assert array.dtype.kind in "UTO" or dtype == array.dtype
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


def check_shard_format(shard_format: ShardFormat, folder: Path) -> None:
    """Holds a shard format to its contract.

    Every dtype, encoding and compression comes back as it went in, also with no rows; the same arrays make the same
    bytes; a file that was cut is refused; an unknown compression is refused; what is missing is named.

    Args:
        shard_format: an instance.
        folder: an empty folder for the files.

    Raises:
        AssertionError: it breaks the contract.
    """
    assert shard_format.compressions[0] == "none"
    path = folder / f"shard{shard_format.suffix}"
    examples = [example_arrays(dtype, one_hot=one_hot) for dtype in ("u1", "u2", "f4") for one_hot in (False, True)]
    for arrays in (*examples, example_arrays(rows=0)):
        for compression in shard_format.compressions:
            content = b"".join(shard_format.write(arrays, compression))
            assert content == b"".join(shard_format.write(arrays, compression)), "the same arrays made other bytes"
            path.write_bytes(content)
            check_round_trip(shard_format, path, arrays)
    content = b"".join(shard_format.write(example_arrays(rows=2)))
    for size in (0, 1, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        _refused(shard_format, path)
    refused = False
    try:
        shard_format.check("no such compression")
    except RequestError:
        refused = True
    assert refused, "an unknown compression was accepted"


def _refused(shard_format: ShardFormat, path: Path) -> None:
    message = ""
    try:
        with shard_format.open(str(path)) as reader:
            for name in reader.names:
                reader.read(name)
    except SourceError as error:
        message = str(error)
    assert message, f"a file cut to {path.stat().st_size} bytes was read"
    assert str(path) in message, "the message does not name the file"
