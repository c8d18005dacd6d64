import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from imgprep.dataset.records import read_records
from imgprep.errors import RequestError
from imgprep.pipeline.stage_images import Images, read_images

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
    assert few.places(np.arange(6)).tolist() == [[0, 0], [0, 1], [2, 0], [2, 1], [2, 2], [3, 0]]
    assert few.places(np.array([5, 0], np.uint32)).tolist() == [[3, 0], [0, 0]]
    wanted = [(record.shard, record.row) for record in read_records(few.folder)]
    found = [(few.manifest.shards[shard].filename, row) for shard, row in few.places(np.arange(6)).tolist()]
    assert found == wanted
    assert replace(few, manifest=replace(few.manifest, shards=())).places(np.arange(0)).shape == (0, 2)


def test_what_is_not_usable_is_left_out(few: Images) -> None:
    path = few.folder / "samples.jsonl"
    line = json.dumps({"id": "x", "status": "quarantined"}).encode()
    path.write_bytes(line + b"\n" + path.read_bytes())
    again = read_images(few.folder, few.manifest)
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
        read_images(few.folder, few.manifest)
