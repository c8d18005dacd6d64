"""What is read of packed shards, in both layouts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgprep.checks.packed_shards import inspected
from imgprep.dataset.manifest import Manifest, ShardEntry
from imgprep.engines import ENGINES
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.workspace import Workspace
from imgprep.shards import FORMATS


class Quiet:
    def begin(self, what: str, items: int, unit: str = "images") -> None: ...
    def advance(self, items: int) -> None: ...
    def end(self) -> None: ...
    def note(self, message: str) -> None: ...


def arrays(label: list[int]) -> dict[str, np.ndarray]:
    count = len(label)
    image = np.arange(count * 4, dtype=np.float32).reshape(count, 2, 2, 1)
    return {
        "image": image,
        "label": np.array(label, np.uint16),
        "id": np.array([f"{name}.png" for name in range(count)], object),
        "parent": np.array(["", *["0.png"] * (count - 1)], object),
    }


@pytest.mark.parametrize("grouped", [False, True])
def test_facts_of_a_shard(tmp_path: Path, grouped: bool):
    format_ = FORMATS["hdf5"]
    content = arrays([0, 0, 1])
    content["image"][2, 0, 0, 0] = np.nan
    if grouped:
        content = {
            f"{name}/{key}": array[rows]
            for name, rows in (("a", slice(0, 2)), ("b/c", slice(2, 3)))
            for key, array in content.items()
        }
    path = tmp_path / "train-0.h5"
    path.write_bytes(b"".join(format_.write(content)))
    entry = ShardEntry(path.name, "train", 3, path.stat().st_size, "")
    manifest = Manifest("pack", "test", ("a", "b/c"), {}, {}, 0, "", shards=(entry, replace(entry, split="test")))
    context = RunContext(Workspace(tmp_path), ENGINES["serial"](workers=1), Quiet())
    (split, shard), (other, _) = inspected(context, tmp_path, manifest)
    assert (split, other) == ("train", "test")
    assert len(shard.facts) == (2 if grouped else 1)
    assert sum(fact.labels.get(0, 0) for fact in shard.facts) == 2
    assert [name for fact in shard.facts for name in fact.broken] == ["2.png"]
    assert sorted(name for fact in shard.facts for name in fact.augmented) == ["1.png", "2.png"]
    assert shard.originals == (sum(range(4)), 4)
    assert shard.copies == (sum(range(4, 12)) - 8, 7)
