import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from imgprep.errors import RequestError
from imgprep.manifest import read_samples
from imgprep.shards import FORMATS
from imgprep.stages.tables import Images, read_images, rewritten

MakeImages = Callable[..., Images]


@pytest.fixture
def few(images: MakeImages) -> Images:
    pixels = np.arange(6 * 12, dtype=np.uint8).reshape(6, 2, 2, 3)
    columns = {"split": ["train", "", "test", "", "", ""], "group": ["g", "g", "", "", "", ""]}
    return images(pixels, ["b", "a", "b", "a", "c", "a"], [2, 0, 3, 1], columns=columns)


def test_the_table_holds_what_samples_jsonl_says(few: Images) -> None:
    assert list(few.table.label) == ["b", "a", "b", "a", "c", "a"]
    assert list(few.table.split) == ["train", "", "test", "", "", ""]
    assert list(few.table.group) == ["g", "g", "", "", "", ""]
    assert few.parents is None


def test_places_are_those_of_the_shards(few: Images) -> None:
    assert few.places().tolist() == [[0, 0], [0, 1], [2, 0], [2, 1], [2, 2], [3, 0]]
    wanted = [(line["shard"], line["row"]) for line in read_samples(few.folder)]
    found = [(few.manifest.shards[shard].filename, row) for shard, row in few.places().tolist()]
    assert found == wanted
    assert replace(few, manifest=replace(few.manifest, shards=())).places().shape == (0, 2)


def test_what_is_not_usable_is_left_out(few: Images) -> None:
    path = few.folder / "samples.jsonl"
    line = json.dumps({"id": "x", "status": "quarantined"}).encode()
    path.write_bytes(line + b"\n" + path.read_bytes())
    again = read_images(few.folder, few.manifest, few.format)
    assert list(again.table.id) == list(few.table.id)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 usable images, but 6 in the shards; run the stage with --force"),
        (b"{", "cannot be read"),
        (b"[]\n", "cannot be read"),
        (b'{"status": "ok"}\n', "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_samples_that_do_not_fit_the_index_are_refused(few: Images, content: bytes | None, message: str) -> None:
    path = few.folder / "samples.jsonl"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(RequestError, match=message):
        read_images(few.folder, few.manifest, FORMATS["hdf5"])


def test_only_usable_lines_are_rewritten(few: Images) -> None:
    path = few.folder / "samples.jsonl"
    odd = b'{"id": "x",   "status": "skipped"}\n'
    path.write_bytes(odd + path.read_bytes())
    numbers = []

    def change(number: int, record: dict[str, object]) -> None:
        numbers.append(number)
        record["split"] = f"s{number}"

    lines = list(rewritten(few.folder, change))
    assert lines[0] == odd, "byte for byte"
    assert [json.loads(line)["split"] for line in lines[1:]] == [f"s{number}" for number in range(6)]
    assert numbers == list(range(6))
