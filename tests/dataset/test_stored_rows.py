"""Batches are the same with native code and without it, however the rows lie in the shards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgprep.dataset import stored_rows
from imgprep.dataset.loader import load
from tests.dataset.test_loader import SHAPES, write

ORDERS = {
    "mixed": [14, 0, 5, 5, 13, 2, 9],
    "ascending": [0, 3, 5, 6, 7, 14],
    "of one shard": [8, 6, 7],
    "one": [4],
    "none": [],
    "all": list(range(15)),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("stored", [("hdf5", "none"), ("hdf5", "gzip"), ("npz", "none")], ids="-".join)
def test_batches_are_the_same_without_native_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, int, int],
    one_hot: bool,
    stored: tuple[str, str],
) -> None:
    name, compression = stored
    image, label = write(
        tmp_path, {None: [5, 0, 9, 1]}, shape=shape, one_hot=one_hot, name=name, compression=compression
    )
    dataset = load(tmp_path)
    for copies in (stored_rows._gather_rows(), None):
        monkeypatch.setattr(stored_rows, "_gather_rows", lambda copies=copies: copies)
        for order in ORDERS.values():
            images, labels = dataset[np.array(order, np.int64)]
            np.testing.assert_array_equal(images, image[order])
            np.testing.assert_array_equal(labels, label[order])
            assert labels.dtype == label.dtype


def test_native_code_is_used_for_mapped_shards_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(stored_rows, "_gather_rows", lambda: lambda *given: calls.append(given))
    for compression in ("gzip", "none"):
        assert not calls
        write(tmp_path / compression, {None: [5, 9]}, compression=compression)
        load(tmp_path / compression)[[9, 1]]
    assert len(calls) == 2  # images and labels
