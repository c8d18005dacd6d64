"""One line of samples.jsonl."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.dataset.records import (
    Origin,
    SampleRecord,
    json_line,
    read_records,
    scan_origins,
    scan_records,
    usable_records,
)
from imgprep.errors import RequestError

RECORD = SampleRecord("a", "b", "oak", {"age": "3"}, "ok", "", "train", "x.h5", 3, "f" * 64, ["grey"])
LINE = (
    b'{"id":"a","location":"b","label":"oak","attributes":{"age":"3"},"status":"ok","reason":"","split":"train",'
    b'"shard":"x.h5","row":3,"sha256":"%b","flags":["grey"]}\n' % (b"f" * 64)
)
OPTIONAL = {"group": "g", "mask_sha256": "0" * 64, "parent": "p", "original_label": "l"}


def test_a_record_is_one_line_of_known_bytes() -> None:
    assert RECORD.line() == LINE
    assert SampleRecord.parse(LINE) == RECORD


@pytest.mark.parametrize(("name", "value"), OPTIONAL.items())
def test_what_a_record_does_not_have_is_not_written(name: str, value: str) -> None:
    record = RECORD._replace(**{name: value})
    assert record.line() == LINE[:-2] + f',"{name}":"{value}"}}\n'.encode()
    assert SampleRecord.parse(record.line()) == record


def test_targets_follow_the_attributes_and_are_not_written_without_any() -> None:
    record = RECORD._replace(targets={"price": 1.5, "tags": ["a", "b"], "state": None})
    written = b'"targets":{"price":1.5,"tags":["a","b"],"state":null},"status":"ok"'
    assert record.line() == LINE.replace(b'"status":"ok"', written)
    assert SampleRecord.parse(record.line()) == record
    with pytest.raises(ValueError, match=r"^targets: expected a mapping, got \[\]$"):
        SampleRecord.parse(json.dumps(json.loads(LINE) | {"targets": []}).encode())


def test_details_come_last_and_are_told_apart() -> None:
    line = RECORD._replace(parent="p").line({"recipe": "", "draws": [1]})
    assert line == LINE[:-2] + b',"parent":"p","recipe":"","draws":[1]}\n'
    assert SampleRecord.parse_with_details(line) == (RECORD._replace(parent="p"), {"recipe": "", "draws": [1]})
    assert SampleRecord.parse(line) == RECORD._replace(parent="p")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": 3}, "id: expected a string, got 3"),
    ({"id": None}, "id: expected a string, got null"),
    ({"label": ["oak"]}, r'label: expected a string or null, got \["oak"\]'),
    ({"attributes": []}, r"attributes: expected a mapping, got \[\]"),
    ({"attributes": {"age": 3}}, "attributes: expected strings"),
    ({"status": "good"}, "status: expected ok, quarantined or skipped, got good"),
    ({"row": True}, "row: expected a whole number or null, got true"),
    ({"row": 1.5}, "row: expected a whole number or null, got 1.5"),
    ({"flags": "grey"}, 'flags: expected a list, got "grey"'),
    ({"parent": 3}, "parent: expected a string or null, got 3"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_member_of_another_kind_is_refused_by_name(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    (tmp_path / "samples.jsonl").write_bytes(LINE + json.dumps(json.loads(LINE) | change).encode() + b"\n")
    with pytest.raises(ValueError, match=f"^line 2: {message}$"):
        list(scan_records(tmp_path))
    with pytest.raises(RequestError, match=rf"samples.jsonl: cannot be read \(line 2: {message}\); run the stage"):
        list(read_records(tmp_path))


@pytest.mark.parametrize("name", [name for name in SampleRecord._fields if name not in {*OPTIONAL, "targets"}])
def test_a_member_that_is_missing_is_named(name: str) -> None:
    members = json.loads(LINE)
    del members[name]
    with pytest.raises(ValueError, match=f"^{name} is missing$"):
        SampleRecord.parse(json_line(members))


@pytest.mark.parametrize("line", [b"[]", b"3", b"\xe9", b"", b"{", b'{"id":', b"[" * 100_000])
def test_what_is_no_record_is_refused_in_one_line(line: bytes) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - whatever it says, it is one line
        SampleRecord.parse(line)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_usable_records_are_those_that_are_ok(tmp_path: Path) -> None:
    lines = [RECORD._replace(id=f"{row}", status=status) for row, status in enumerate(("ok", "skipped", "ok"))]  # type: ignore[arg-type]
    (tmp_path / "samples.jsonl").write_bytes(b"".join(record.line() for record in lines))
    assert [record.id for record in usable_records(tmp_path)] == ["0", "2"]


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "samples.jsonl")
    with pytest.raises(OSError, match="not a regular file"):
        list(scan_records(tmp_path))


def test_origins_are_read_from_lines_that_lack_everything_else(tmp_path: Path) -> None:
    lines = [
        {"id": "a", "attributes": {"age": "3"}},
        {"id": "b"},
        {"id": "c", "group": "g"},
        {"group": None},
        {"id": "d", "split": "test"},
    ]
    (tmp_path / "samples.jsonl").write_bytes(b"".join(map(json_line, lines)))
    wanted = [Origin("a", {"age": "3"}, ""), None, Origin("c", {}, "g"), None, Origin("d", {}, "", "test")]
    assert list(scan_origins(tmp_path)) == wanted


@pytest.mark.parametrize(
    "line",
    [
        {"id": 3, "group": "g"},
        {"group": "g"},
        {"id": "a", "group": 3},
        {"id": "a", "attributes": {"age": 3}},
        {"id": "a", "split": 3},
    ],
)
def test_origins_of_another_kind_are_refused(tmp_path: Path, line: dict[str, Any]) -> None:
    (tmp_path / "samples.jsonl").write_bytes(json_line(line))
    with pytest.raises(ValueError, match=r"^line 1: .*expected"):
        list(scan_origins(tmp_path))


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=9), st.none(), st.integers()), max_size=4))
def test_members_are_one_line_of_utf_8(members: dict[str, object]) -> None:
    line = json_line(members)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == members


def test_undecodable_names_are_shown_escaped() -> None:
    line = RECORD._replace(id="a\udcff\u2028").line()
    assert r"a\udcff" in line.decode()
    assert SampleRecord.parse(line).id == "a\udcff\u2028"
