"""A packed dataset for the frameworks; each module skips itself where its framework is not installed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgprep.dataset.loader import Dataset, load
from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.dataset.row_format import FeatureFormat, ImageFormat
from imgprep.dataset.targets import described
from imgprep.shards import FORMATS
from imgprep.table.targets import Target

CLASSES = ("apple", "kiwi", "pear")
ROWS = (7, 0, 12, 4)
"""Rows of the shards."""
SHAPE = (6, 5, 3)
TOTAL = sum(ROWS)

TARGETS = (
    Target("state", "category", ("state",), classes=("bad", "fair", "good"), ignore_missing=True),
    Target("price", "number", ("price",)),
    Target("tags", "many", ("tags",), classes=("big", "old")),
)
STATE = np.where(np.arange(TOTAL) == 4, 65_535, np.arange(TOTAL) % 3).astype(np.uint16)
PRICE = np.where(np.arange(TOTAL) == 5, np.nan, np.arange(TOTAL) / 2).astype(np.float32)
TAGS = np.stack([np.arange(TOTAL) % 2, np.arange(TOTAL) > 10], axis=1).astype(np.uint8)

Packed = Callable[..., Dataset]


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    """Makes a packed train split: every image holds its own number; kiwi has no training image."""

    def make(
        dtype: str = "uint8",
        *,
        one_hot: bool = False,
        shape: tuple[int, int, int] = SHAPE,
        targets: Sequence[str] = (),
    ) -> Dataset:
        folder = tmp_path / f"{dtype}-{one_hot}-{shape[2]}-{len(targets)}"
        folder.mkdir()
        image = np.arange(TOTAL).astype(dtype)[:, None, None, None] * np.ones(shape, dtype)
        image[:, 0, 0, 0] = 100  # tells rows, columns and channels apart
        index = (np.arange(TOTAL) % 2 * 2).astype(np.uint16)
        label: Any = np.eye(3, dtype=np.float32)[index] if one_hot else index
        further = {"state": STATE, "price": PRICE, "tags": TAGS} if targets else {}
        entries, start = [], 0
        for number, rows in enumerate(ROWS):
            part = slice(start, start + rows)
            ids = np.array([f"{row}.jpg" for row in range(TOTAL)][part], dtype=object)
            columns = {name: values[part] for name, values in further.items()}
            arrays = {"image": image[part], "label": label[part], "id": ids, **columns}
            content = b"".join(FORMATS["hdf5"].write(arrays))
            (folder / f"train-{number}.h5").write_bytes(content)
            entries.append(ShardEntry(f"train-{number}.h5", "train", rows, len(content), ""))
            start += rows
        manifest = Manifest(
            "pack", "x", CLASSES, {}, {}, 0, "f", ImageFormat(shape, dtype),
            labels={"encoding": "one_hot" if one_hot else "index", "dtype": label.dtype.name},
            class_weights={"apple": 0.75, "kiwi": 0.0, "pear": 1.5}, shards=tuple(entries),
            targets=described(TARGETS, {"train": further}) if targets else None,
        )  # fmt: skip
        (folder / "dataset.json").write_bytes(manifest.to_json())
        return load(folder, "train", targets=targets)

    return make


@pytest.fixture
def features(tmp_path: Path) -> Dataset:
    """The features of a train split: those of every image begin with its number."""
    folder = tmp_path / "features"
    folder.mkdir()
    values = np.arange(TOTAL, dtype=np.float32)[:, None] + np.linspace(0, 0.5, 4, dtype=np.float32)
    label = (np.arange(TOTAL) % 2 * 2).astype(np.uint16)
    entries = []
    for number, part in enumerate((slice(0, 9), slice(9, TOTAL))):
        ids = np.array([f"{row}.jpg" for row in range(TOTAL)][part], dtype=object)
        content = b"".join(FORMATS["npz"].write({"feature": values[part], "label": label[part], "id": ids}))
        (folder / f"train-{number}.npz").write_bytes(content)
        entries.append(ShardEntry(f"train-{number}.npz", "train", len(ids), len(content), ""))
    network = {"file": "base.onnx", "sha256": "0" * 64, "output": "flat", "size": [6, 5]}
    manifest = Manifest(
        "features", "x", CLASSES, {}, {}, 0, "f", labels={"encoding": "index", "dtype": "uint16"},
        class_weights=dict.fromkeys(CLASSES, 1.0), shards=tuple(entries),
        feature=FeatureFormat((4,), network=network),
    )  # fmt: skip
    (folder / "dataset.json").write_bytes(manifest.to_json())
    return load(tmp_path, "train", "features")
