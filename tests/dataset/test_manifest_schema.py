"""The message for each kind of wrong value."""

import json
import subprocess
import sys
from typing import Any

import pytest

from imgprep.dataset.manifest_schema import MisfitError, check_index

GOOD: dict[str, Any] = {
    "format_version": 1,
    "stage": "pack",
    "name": "trees",
    "classes": ["ash", "elm"],
    "counts": {"train": {"ash": 3}},
    "samples": {"found": 3},
    "seed": 1,
    "fingerprint": "f",
    "shards": [{"filename": "a.h5", "split": None, "samples": 3, "bytes": 9, "sha256": "0"}],
}
SHARD = GOOD["shards"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": 3}, "classes: expected a list, got 3"),
        ({"classes": ["ash", 3]}, "classes[1]: expected a string, got 3"),
        ({"seed": -1}, "seed: expected a whole number from 0 to 2^63 - 1, got -1"),
        ({"seed": True}, "seed: expected a whole number from 0 to 2^63 - 1, got true"),
        ({"counts": {"train": {"ash": 0.5}}}, "counts.train.ash: expected a whole number from 0 to 2^63 - 1, got 0.5"),
        ({"shards": [SHARD, {**SHARD, "split": 3}]}, "shards[1].split: expected a string, got 3"),
        (
            {"shards": [{**SHARD, "filename": "../a"}]},
            'shards[0].filename: expected the name of a file in the same folder, got "../a"',
        ),
        ({"shards": [{"filename": "a.h5"}]}, "shards[0].split: is missing, expected a value"),
        ({"files": {"../x": "0"}}, 'files: expected the name of a file in the same folder, got "../x"'),
        ({"image": {"shape": [2, 2], "dtype": "uint8"}}, "image.shape: expected a list of 3, got [2, 2]"),
        (
            {"image": {"shape": [2, 2, 3], "dtype": "int64"}},
            'image.dtype: expected one of uint8, uint16, uint32, float16, float32, float64, got "int64"',
        ),
        ({"class_weights": {"ash": "1"}}, 'class_weights.ash: expected a number, got "1"'),
    ],
)
def test_a_wrong_value_is_shown_with_its_place(change: dict[str, Any], message: str) -> None:
    check_index(GOOD)
    with pytest.raises(MisfitError) as caught:
        check_index(json.loads(json.dumps(GOOD | change)))
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["stage", "classes", "counts", "seed"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(MisfitError, match=f"^{key}: is missing"):
        check_index({name: value for name, value in GOOD.items() if name != key})


@pytest.mark.parametrize("content", [None, 3, "x", []])
def test_an_index_is_a_mapping(content: object) -> None:
    with pytest.raises(MisfitError, match=r"^expected a mapping, got"):
        check_index(content)


def test_the_loader_does_without_pydantic() -> None:
    code = "import imgprep.dataset.loader, sys; print('pydantic' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
