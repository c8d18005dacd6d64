import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgprep.dataset.manifest import read_samples, sample_line
from imgprep.errors import RequestError
from imgprep.shards import FORMATS
from imgprep.stages.tables import Change, Images, as_json, read_images, rewritten

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
    wanted = [(line["shard"], line["row"]) for line in read_samples(few.folder)]
    found = [(few.manifest.shards[shard].filename, row) for shard, row in few.places(np.arange(6)).tolist()]
    assert found == wanted
    assert replace(few, manifest=replace(few.manifest, shards=())).places(np.arange(0)).shape == (0, 2)


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
    lines = list(rewritten(few.folder, (Change(as_json(f"s{number}")) for number in range(6))))
    assert lines[0] == odd, "byte for byte"
    assert [json.loads(line)["split"] for line in lines[1:]] == [f"s{number}" for number in range(6)]


TEXT = st.text('ab"\\\\,:{}[]é\udcff\n', max_size=12) | st.sampled_from(
    ['},"status":"ok",', '","split":null,"shard":', "null"]
)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    record=st.fixed_dictionaries(
        {
            "id": TEXT,
            "label": TEXT | st.none(),
            "attributes": st.dictionaries(
                TEXT | st.sampled_from(["status", "reason", "split", "row"]), TEXT, max_size=4
            ),
            "status": st.sampled_from(["ok", "ok", "quarantined"]),
            "reason": TEXT,
            "split": TEXT | st.none(),
            "shard": TEXT | st.none(),
            "row": st.integers(0, 1 << 40) | st.none(),
            "sha256": st.none() | st.just("0f"),
            "flags": st.lists(TEXT, max_size=2),
        },
        optional={"group": TEXT, "parent": TEXT},
    ),
    split=TEXT | st.none(),
    spaced=st.booleans(),
)
def test_a_line_is_cut_as_if_it_had_been_read(
    tmp_path: Path, record: dict[str, object], split: str | None, spaced: bool
) -> None:
    line = json.dumps(record).encode() + b"\n" if spaced else sample_line(record)
    (tmp_path / "samples.jsonl").write_bytes(line)
    changed = record | {"split": split}
    for place, wanted in ((b"", changed), (b'"shard":"s","row":7', changed | {"shard": "s", "row": 7})):
        [found] = rewritten(tmp_path, [Change(as_json(split), place)])
        assert found == (sample_line(wanted) if record["status"] == "ok" else line)
