"""The 70,000 digits: counts, statistics and shapes are those of the files."""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import imgprep as package


def idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file, read in the plainest way."""
    data = gzip.decompress(path.read_bytes())
    shape = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


@pytest.mark.slow
def test_mnist(tmp_path: Path, root: Path, shared_data: Path, run_cli: Callable[..., Any]) -> None:
    folder = shared_data / "mnist"
    done = run_cli("pack", root / "configs/mnist.yaml", "--set", f"source.path={folder}", "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    packed = tmp_path / "out" / "pack"
    manifest = json.loads((packed / "dataset.json").read_bytes())

    parts = {"train": "train", "test": "t10k"}
    images = {split: idx(folder / f"{part}-images-idx3-ubyte.gz") for split, part in parts.items()}
    labels = {split: idx(folder / f"{part}-labels-idx1-ubyte.gz") for split, part in parts.items()}
    assert manifest["classes"] == [str(digit) for digit in range(10)]
    assert manifest["counts"] == {
        split: {str(digit): int((found == digit).sum()) for digit in range(10)} for split, found in labels.items()
    }
    assert {split: sum(counts.values()) for split, counts in manifest["counts"].items()} == {
        "train": 60_000,
        "test": 10_000,
    }

    statistics = manifest["normalization"]
    mean, deviation = np.array(statistics["mean"]), statistics["std"]
    np.testing.assert_allclose(mean[:, :, 0], images["train"].mean(axis=0), atol=1e-9)
    assert mean.shape == (28, 28, 1)
    assert round(float(mean.mean()), 4) == 33.3184
    assert round(float(np.max(deviation)), 4) == round(float(np.min(deviation)), 4) == 78.5675

    epsilon = statistics["epsilon"]
    records = [json.loads(line) for line in (packed / "samples.jsonl").read_bytes().splitlines()]
    for split, found in images.items():
        dataset = package.load(packed, split=split)
        rows, encoded = next(iter(dataset.batches(len(dataset))))
        assert rows.shape == (len(found), 28, 28, 1)
        assert rows.dtype == np.float32
        assert encoded.shape == (len(found), 10)
        assert (encoded.sum(axis=1) == 1).all()
        mine = [record for record in records if record["split"] == split]
        assert [record["id"] for record in mine[:2]] == [f"{parts[split]}-images-idx3-ubyte.gz#{n}" for n in (0, 1)]
        names = {shard["filename"]: shard["samples"] for shard in manifest["shards"] if shard["split"] == split}
        starts = dict(zip(names, np.cumsum([0, *names.values()]).tolist(), strict=False))
        places = np.array([starts[record["shard"]] + record["row"] for record in mine])
        assert (np.sort(places) == np.arange(len(found))).all()
        assert not (places == np.arange(len(found))).all()
        assert (encoded[places].argmax(axis=1) == labels[split]).all()
        expected = (found[:, :, :, None] - mean) / (deviation + epsilon)
        np.testing.assert_allclose(rows[places], expected, atol=1e-5)
