import pickle
from array import array
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import Alike, Sample, SampleTable, sort_classes

relaxed = settings(deadline=None, max_examples=40)
names = st.text("abé/\udcff", max_size=4)
samples = st.lists(
    st.builds(
        Sample,
        id=names,
        location=names,
        label=names,
        attributes=st.dictionaries(st.sampled_from(["colour", "stem"]), st.text("xy", min_size=1, max_size=2)),
        group=names,
        split=st.sampled_from(["", "train", "test"]),
        status=st.sampled_from(["ok", "skipped", "quarantined"]),
        reason=names,
        stamp=st.tuples(st.integers(0, 2**40), st.integers(-(2**40), 2**62)),
    ),
    max_size=12,
)


@relaxed
@given(samples)
def test_a_table_is_the_list_of_its_samples(given: list[Sample]) -> None:
    table = SampleTable.of(given)
    assert len(table) == len(given)
    assert list(table) == given
    assert [table[row] for row in range(len(given))] == given
    assert list(pickle.loads(pickle.dumps(table))) == given
    assert table.ok().tolist() == [sample.status == "ok" for sample in given]


@relaxed
@given(samples, st.slices(12), st.data())
def test_parts_and_their_digests_depend_on_the_rows_alone(
    given: list[Sample], part: slice, data: st.DataObject
) -> None:
    table = SampleTable.of(given)
    assert list(table[part]) == given[part]
    assert table[part].digest() == SampleTable.of(given[part]).digest()
    rows = data.draw(st.permutations(range(len(given))))
    shuffled = table[np.array(rows, np.int64)]
    assert list(shuffled) == [given[row] for row in rows]
    assert shuffled.digest() == SampleTable.of(given[row] for row in rows).digest()


@relaxed
@given(samples, samples)
def test_other_rows_have_another_digest(one: list[Sample], two: list[Sample]) -> None:
    assert (SampleTable.of(one).digest() == SampleTable.of(two).digest()) == (one == two)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x"},
        {"location": "x"},
        {"label": "x"},
        {"group": "x"},
        {"split": "x"},
        {"status": "skipped"},
        {"reason": "x"},
        {"stamp": (1, 2)},
        {"attributes": {"colour": "x"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_counts(change: dict[str, object]) -> None:
    plain = Sample("a", "a", "b")
    changed = plain._replace(**change)
    assert SampleTable.of([plain]).digest() != SampleTable.of([changed]).digest()


def test_locations_that_are_the_ids_are_kept_once() -> None:
    table = SampleTable.of([Sample("a", "a", "x"), Sample("b", "b", "x")])
    assert table.location is table.id
    part = table[1:]
    assert part.location is part.id
    sent = pickle.loads(pickle.dumps(part))
    assert sent.location is sent.id
    assert SampleTable.of([Sample("a", "b", "x")]).location is not table.id


def test_a_stamp_of_all_rows_is_kept_once() -> None:
    table = SampleTable.of([Sample(f"a#{row}", f"a#{row}", "x", stamp=(7, 8)) for row in range(1000)])
    other = SampleTable.of([*table, Sample("b", "b", "x", stamp=(7, 9))])
    assert table.stamp.strides[0] == 0
    assert other.stamp.tolist() == [*[[7, 8]] * 1000, [7, 9]]
    assert len(pickle.dumps(table)) + 8 * 1000 < len(pickle.dumps(other))
    assert list(pickle.loads(pickle.dumps(table[3:5]))) == list(table)[3:5]


def test_attributes_that_start_late_or_end_early() -> None:
    table = SampleTable.of([Sample("a", "a", "x"), Sample("b", "b", "x", {"stem": "yes"}), Sample("c", "c", "x")])
    assert [dict(sample.attributes) for sample in table] == [{}, {"stem": "yes"}, {}]
    assert dict(table[0].attributes) == {}
    assert table[:1].digest() == SampleTable.of([Sample("a", "a", "x")]).digest()


def test_a_column_may_be_replaced() -> None:
    table = SampleTable.of([Sample("a", "a", "x")])
    changed = table.with_columns(status=CategoryColumn.of(["skipped"]))
    assert changed[0] == replace_status(table[0])
    assert table[0].status == "ok"
    assert replace(changed, status=table.status)[0] == table[0]


def replace_status(sample: Sample) -> Sample:
    return sample._replace(status="skipped")


def test_classes_are_those_of_images() -> None:
    table = SampleTable.of(
        [
            Sample("a", "a", "pear"),
            Sample("b", "b", "apple", status="quarantined"),
            Sample("c", "c", "notes", status="skipped"),
            Sample("d", "d", "", status="quarantined"),
        ]
    )
    assert table.classes() == ("apple", "pear")
    assert SampleTable.of([]).classes() == ()


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["10", "9", "0"], ("0", "9", "10")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["01", "1", "1"], ("01", "1")),
        (["b", "B", "ä", "a"], ("B", "a", "b", "ä")),
        (["²", "1"], ("1", "²")),
        (["٣", "2"], ("2", "٣")),
        (["-1", "0"], ("-1", "0")),
        (["10", "9", "-5", "-10", "0.5", "+1"], ("-10", "-5", "0.5", "+1", "9", "10")),
        (["10", "9", "1e3"], ("10", "1e3", "9")),
        ([], ()),
        (["9" * 5000, "1"], ("1", "9" * 5000)),
    ],
)
def test_the_order_of_classes(labels: list[str], wanted: tuple[str, ...]) -> None:
    assert sort_classes(labels) == wanted
    assert sort_classes(reversed(labels)) == wanted


def test_samples_listed_together_become_the_rows_of_those_listed_one_by_one() -> None:
    like = Sample("", "", "cat", {"size": "xl"}, "g", "train", original_label="")
    entries = [
        Sample("a", "a", "cat", stamp=(1, 1)),
        Alike("b/", ["1", "\udce9", "é"], array("q", [1, 1, 2, 3, 4, 5]), like),
        Sample("c", "elsewhere/c", "dog", original_label="cat"),
        Alike("d/", ["x"], array("q", [1, 1]), like),
    ]
    one_by_one = [each for entry in entries for each in ([entry] if isinstance(entry, Sample) else entry)]
    assert [sample.id for sample in one_by_one] == ["a", "b/1", "b/\udce9", "b/é", "c", "d/x"]
    assert one_by_one[3] == like._replace(id="b/é", location="b/é", stamp=(4, 5))
    assert list(SampleTable.of(entries)) == one_by_one
    assert SampleTable.of(entries).digest() == SampleTable.of(one_by_one).digest()
