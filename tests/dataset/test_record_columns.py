"""samples.jsonl read into columns."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgprep.dataset.record_columns import read_columns
from imgprep.dataset.records import SampleRecord
from imgprep.errors import RequestError

RECORD = SampleRecord("a", "b", "oak", {}, "ok", "", None, "x.h5", 3, "f" * 64, [])


def write(folder: Path, *records: SampleRecord) -> Path:
    (folder / "samples.jsonl").write_bytes(b"".join(record.line() for record in records))
    return folder


def test_usable_images_become_rows(tmp_path: Path) -> None:
    table, parents = read_columns(
        write(
            tmp_path,
            RECORD._replace(id="1", split="train", group="g", attributes={"age": "3"}),
            RECORD._replace(id="2", status="quarantined", reason="empty file"),
            RECORD._replace(id="3", label="ash"),
        )
    )
    assert (list(table.id), list(table.location), list(table.label)) == (["1", "3"], ["b", "b"], ["oak", "ash"])
    assert (list(table.split), list(table.group)) == (["train", ""], ["g", ""])
    assert [dict(sample.attributes) for sample in table] == [{"age": "3"}, {}]
    assert parents is None, "all are originals"


def test_parents_are_there_when_any_image_is_a_copy(tmp_path: Path) -> None:
    copies = [RECORD._replace(id=f"{row}", parent=parent) for row, parent in enumerate((None, None, "0", None, "1"))]
    _, parents = read_columns(write(tmp_path, *copies))
    assert parents is not None
    assert list(parents) == ["", "", "0", "", "1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 3}, "id: expected a string, got 3"),
        ({"split": 3}, "split: expected a string or null, got 3"),
        ({"attributes": []}, r"attributes: expected a mapping, got \[\]"),
        ({"attributes": {"age": 3}}, "attributes: expected strings"),
        ({"status": "good"}, "status: expected ok, quarantined or skipped, got good"),
        ({"status": None}, "status: expected a string, got null"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    (tmp_path / "samples.jsonl").write_text(json.dumps(json.loads(RECORD.line()) | change))
    with pytest.raises(RequestError, match=f"cannot be read .*{message}"):
        read_columns(tmp_path)


def test_a_record_without_a_label_column_is_refused(tmp_path: Path) -> None:
    members = json.loads(RECORD.line())
    del members["label"]
    (tmp_path / "samples.jsonl").write_text(json.dumps(members))
    with pytest.raises(RequestError, match="label is missing"):
        read_columns(tmp_path)
