"""Further columns from a table."""

from pathlib import Path

import pytest

from imgprep.errors import RequestError
from imgprep.sources.attributes import join_attributes
from imgprep.table.sample import Sample

SAMPLES = [
    Sample("cat/1.jpg", "cat/1.jpg", "cat", {"level1": "cat"}, split="train"),
    Sample("cat/2.jpg", "cat/2.jpg", "cat"),
    Sample("cat/.x", "cat/.x", "", status="skipped", reason="hidden"),
    Sample("t.csv#3", "http://host/3.jpg", "dog"),
]


def table(folder: Path, text: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_rows_are_joined_by_id_or_location_and_leftovers_are_reported(tmp_path: Path) -> None:
    text = "ID,color,group,split\ncat/1.jpg,red,p1,test\nhttp://host/3.jpg,blue,,\nnowhere.jpg,green,p2,val\n"
    samples, read = join_attributes(SAMPLES, table(tmp_path, text))
    first, second, skipped, third = samples
    assert first.attributes == {"level1": "cat", "color": "red", "group": "p1", "split": "test"}
    assert (first.group, first.split) == ("p1", "test")
    assert (second, skipped) == (SAMPLES[1], SAMPLES[2])
    assert third.attributes["color"] == "blue"
    assert read.unmatched() == (1, ("cat/2.jpg",), 1, ("nowhere.jpg",))


def test_a_table_in_json(tmp_path: Path) -> None:
    text = '{"location": "cat/1.jpg", "n": 3}\n{"location": "cat/2.jpg"}\n'
    samples, read = join_attributes(SAMPLES[:2], table(tmp_path, text, "a.jsonl"))
    assert [dict(sample.attributes) for sample in samples] == [{"level1": "cat", "n": "3"}, {}]
    assert (read.unmatched().samples, read.unmatched().rows) == (0, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,color\na,red\n", r"a\.csv:2: no column id or location, there are: name, color"),
        ("id,color\na,red\na,blue\n", r"a\.csv:3: a second row"),
        ("id,split\na,banana\n", r"a\.csv:2: split 'banana'"),
        ("id,color\na\n", r"a\.csv:2: 1 fields"),
    ],
)
def test_wrong_tables_are_refused_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        join_attributes(SAMPLES, table(tmp_path, text))
