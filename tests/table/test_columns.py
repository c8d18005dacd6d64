import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.table import columns
from imgprep.table.columns import CategoryBuilder, CategoryColumn, StringBuilder, StringColumn

# File names are bytes: what is no UTF-8 becomes surrogates, as os.fsdecode makes them.
texts = st.lists(
    st.one_of(st.text(max_size=8), st.binary(max_size=8).map(lambda b: b.decode("utf-8", "surrogateescape")))
)
relaxed = settings(deadline=None, max_examples=60)
slices = st.slices(12)
KINDS = [StringColumn, CategoryColumn]
Column = StringColumn | CategoryColumn


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> object:
    """Blocks so small that several are needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "BLOCK", 3)
        yield


def digest(column: Column) -> str:
    state = hashlib.sha256()
    column.update(state)
    return state.hexdigest()


@pytest.mark.parametrize("kind", KINDS)
@relaxed
@given(values=texts)
def test_a_column_is_the_list_of_its_values(kind: type[Column], values: list[str]) -> None:
    column = kind.of(values)
    assert list(column) == values
    assert len(column) == len(values)
    assert [column[row] for row in range(len(values))] == values
    assert [column[row] for row in range(-len(values), 0)] == values
    assert column == kind.of(values)
    assert pickle.loads(pickle.dumps(column)) == column
    for row in (len(values), -len(values) - 1):
        with pytest.raises(IndexError):
            column[row]


@pytest.mark.parametrize("kind", KINDS)
@relaxed
@given(values=texts, part=slices, data=st.data())
def test_parts_are_those_of_the_list(kind: type[Column], values: list[str], part: slice, data: st.DataObject) -> None:
    column = kind.of(values)
    assert list(column[part]) == values[part]
    assert list(column[part][1:]) == values[part][1:]
    rows = data.draw(st.lists(st.integers(0, len(values) - 1))) if values else []
    assert list(column[np.array(rows, np.int64)]) == [values[row] for row in rows]
    assert digest(column[part]) == digest(kind.of(values[part])), "a hash of the rows, not of what they were cut from"
    assert pickle.loads(pickle.dumps(column[part])) == column[part]


@pytest.mark.parametrize("kind", KINDS)
@relaxed
@given(one=texts, two=texts)
def test_other_values_have_another_hash(kind: type[Column], one: list[str], two: list[str]) -> None:
    assert (digest(kind.of(one)) == digest(kind.of(two))) == (one == two)


def test_columns_of_another_kind_are_not_equal() -> None:
    assert StringColumn.of(["a"]) != CategoryColumn.of(["a"])
    assert StringColumn.of(["a"]) != ["a"]
    for column in (StringColumn.of(["a"]), CategoryColumn.of(["a"])):
        with pytest.raises(TypeError):
            hash(column)


def test_values_are_coded_in_order_of_appearance_and_hashed_by_name() -> None:
    column = CategoryColumn.of(["b", "a", "b", ""])
    assert column.values == ("b", "a", "")
    assert column.codes.tolist() == [0, 1, 0, 2]
    assert column.codes.dtype == np.uint8
    assert column.counts() == {"b": 2, "a": 1, "": 1}
    assert column[1:3].counts() == {"a": 1, "b": 1}
    assert column.where("b").tolist() == [True, False, True, False]
    assert column.where("never seen").tolist() == [False] * 4
    assert digest(CategoryColumn(np.array([1, 0], np.int32), ("x", "y"))) == digest(CategoryColumn.of(["y", "x"]))


def test_a_column_that_starts_late_is_empty_before() -> None:
    builder = CategoryBuilder(2)
    builder.add("x")
    builder.add("")
    assert list(builder.column()) == ["", "", "x", ""]


def test_a_million_short_strings_need_little_memory() -> None:
    column = StringColumn.of(f"{row:07d}" for row in range(100_000))
    assert len(pickle.dumps(column)) < 100_000 * 16
    assert column[99_999] == "0099999"


def test_codes_widen_when_there_are_more_values() -> None:
    for values, dtype in ((256, np.uint8), (257, np.uint16), (65_537, np.uint32)):
        column = CategoryColumn.of(map(str, range(values)))
        assert column.codes.dtype == dtype
        assert column[values - 1] == str(values - 1)


def test_a_part_is_a_view_and_takes_only_its_values_along() -> None:
    strings = StringColumn.of(f"{row:07d}" for row in range(10_000))
    assert strings[10:20]._data is strings._data
    assert len(pickle.dumps(strings[10:20])) < 500
    column = CategoryColumn.of(f"{row:07d}" for row in range(10_000))
    sent = pickle.loads(pickle.dumps(column[10:20]))
    assert list(sent) == list(column[10:20])
    assert len(sent.values) == 10


def test_joined_columns_are_joined_lists() -> None:
    one, two = StringColumn.of(["a", "", "bc"]), StringColumn.of(["x", "caf\udce9", "z"])
    assert list(StringColumn.joined([one[1:], StringColumn.blank(2), two[:2]])) == ["", "bc", "", "", "x", "caf\udce9"]


def test_values_are_replaced_in_a_copy() -> None:
    column = CategoryColumn.of(["ok", "ok", "skipped"])
    assert list(column.replaced({1: "quarantined", 2: "ok"})) == ["ok", "quarantined", "ok"]
    assert list(column) == ["ok", "ok", "skipped"]
    assert column.replaced({}) is column


@relaxed
@given(texts, texts, st.text(max_size=4))
def test_names_behind_a_prefix_are_added_at_once(before: list[str], names: list[str], prefix: str) -> None:
    one_by_one, at_once = StringBuilder(), StringBuilder()
    for value in before:
        one_by_one.add(value)
        at_once.add(value)
    for name in names:
        one_by_one.add(prefix + name)
    if names:
        at_once.add_all(prefix, names)
    assert at_once.data == one_by_one.data
    assert at_once.lengths == one_by_one.lengths


def test_a_value_is_added_several_times_at_once() -> None:
    builder = CategoryBuilder()
    for number in range(300):
        builder.add(str(number), 3)
    assert list(builder.column()) == [str(number) for number in range(300) for _ in range(3)]
