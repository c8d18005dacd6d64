"""Lines of rows without a record for each."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imgprep.dataset.record_lines import RowLines
from imgprep.dataset.records import SampleRecord
from imgprep.table.sample import Sample

TEXTS = st.text(max_size=8) | st.text(st.characters(categories=["Cs", "Cc", "Po"]), max_size=4)


@given(
    st.tuples(TEXTS, TEXTS, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2), TEXTS, TEXTS),
    st.lists(st.sampled_from(["grey", "frames=2", "wrong-extension"]), max_size=2),
    TEXTS,
)
def test_a_line_is_that_of_the_record(members: tuple[Any, ...], flags: list[str], shard: str) -> None:
    sample = Sample(*members)
    lines = RowLines(shard)
    for row in (0, 123):
        record = SampleRecord(
            id=sample.id, location=sample.location, label=sample.label or None, attributes=sample.attributes,
            status="ok", reason="", split=sample.split or None, shard=shard, row=row, sha256="0f" * 32, flags=flags,
            group=sample.group,
        )  # fmt: skip
        assert lines.line(sample, row, "0f" * 32, tuple(flags)) == record.line()


def test_a_line_as_it_is_written() -> None:
    line = RowLines("shard.h5").line(
        Sample("a/1.jpg", "a/\udce9.jpg", "a", {"k": '"'}, "g", "train"), 7, "ab", ("grey",)
    )
    assert line == (
        rb'{"id":"a/1.jpg","location":"a/\udce9.jpg","label":"a","attributes":{"k":"\""},"status":"ok","reason":"",'
        rb'"split":"train","shard":"shard.h5","row":7,"sha256":"ab","flags":["grey"],"group":"g"}' + b"\n"
    )
