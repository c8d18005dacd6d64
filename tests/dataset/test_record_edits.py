"""Lines of samples.jsonl that are changed without being read."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgprep.dataset.record_edits import (
    LEFT_OUT,
    are_usable,
    new_place,
    new_split,
    rewritten,
    source_digests,
    with_flags,
)
from imgprep.dataset.records import SampleRecord, json_line

RECORD = SampleRecord("a", "a", "oak", {}, "ok", "", None, "shard.h5", 3, "f" * 64, [])


def test_only_usable_lines_are_rewritten(tmp_path: Path) -> None:
    odd = b'{"id": "x",   "status": "skipped"}\n'
    usable = b"".join(RECORD._replace(id=f"{number}").line() for number in range(6))
    (tmp_path / "samples.jsonl").write_bytes(odd + usable)
    lines = list(rewritten(tmp_path, (new_split(f"s{number}") for number in range(6))))
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
    line = json.dumps(record).encode() + b"\n" if spaced else json_line(record)
    (tmp_path / "samples.jsonl").write_bytes(line)
    changed = record | {"split": split}
    moved = record | {"split": split or "", "shard": "s", "row": 7}
    for change, wanted in ((new_split(split), changed), (new_place(split or "", "s")(7), moved)):
        [found] = rewritten(tmp_path, [change])
        assert found == (json_line(wanted) if record["status"] == "ok" else line)


def test_a_line_with_targets_is_edited_as_bytes(tmp_path: Path) -> None:
    record = RECORD._replace(targets={"sha256": '},"status":"ok",', "row": 3.5, "status": ["ok"]}, sha256="0f" * 32)
    lost = record._replace(status="quarantined", reason="damaged")
    (tmp_path / "samples.jsonl").write_bytes(record.line() + lost.line())
    lines = list(rewritten(tmp_path, [new_place("train", "a.h5")(7)]))
    assert lines == [record._replace(split="train", shard="a.h5", row=7).line(), lost.line()]
    assert list(are_usable(lines)) == [True, False]
    assert list(source_digests(lines)) == [int("0f" * 8, 16)] * 2


def test_an_image_that_is_left_out_is_in_no_shard(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_bytes(RECORD.line())
    [line] = rewritten(tmp_path, [LEFT_OUT])
    assert json.loads(line) == json.loads(RECORD.line()) | {"split": None, "shard": None, "row": None}


def test_digests_are_those_of_the_record_and_not_of_an_attribute() -> None:
    lines = [
        RECORD._replace(attributes={"sha256": "b" * 64}, sha256="0123456789abcdef" * 4).line(),
        RECORD._replace(attributes={"sha256": "b" * 64}, sha256=None).line(),
    ]
    assert list(source_digests(lines)) == [0x0123456789ABCDEF, 0]


def test_flags_are_added_to_their_lines_alone() -> None:
    lines = [RECORD._replace(id=name, flags=["grey"], group="g").line() for name in "abc"]
    assert list(with_flags(lines, {})) == lines
    first, second, third = with_flags(lines, {1: ("tiny", "case-twin")})
    assert (first, third) == (lines[0], lines[2])
    assert json.loads(second) == json.loads(lines[1]) | {"flags": ["case-twin", "grey", "tiny"]}
