"""Targets read from the columns of a table."""

from collections.abc import Sequence

import numpy as np
import pytest

from imgprep.sources.target_values import TargetValues, read_target
from imgprep.table.sample import Sample, SampleTable
from imgprep.table.targets import Kind, Target


def read(kind: Kind, *cells: str, skipped: Sequence[int] = (), **options: object) -> TargetValues:
    samples = [
        Sample(f"{row}", f"{row}", "a", {"c": cell}, status="skipped" if row in skipped else "ok")
        for row, cell in enumerate(cells)
    ]
    return read_target(Target("t", kind, ("c",), **options), SampleTable.of(samples))  # type: ignore[arg-type]


def indicators(*rows: Sequence[str], names: Sequence[str] = ("a", "b")) -> TargetValues:
    samples = [Sample(f"{row}", f"{row}", "x", dict(zip(names, cells, strict=True))) for row, cells in enumerate(rows)]
    return read_target(Target("t", "many", tuple(names)), SampleTable.of(samples))


def test_a_category_is_an_index_into_its_sorted_classes() -> None:
    found = read("category", "good", " bad ", "good", "fair")
    assert found.target.classes == ("bad", "fair", "good")
    assert found.array.tolist() == [2, 0, 2, 1]
    assert found.array.dtype == np.uint16
    assert read("category", "10", "9", "-1").target.classes == ("-1", "9", "10"), "as class names are sorted"


def test_numbers_are_float32_and_an_empty_cell_is_nan() -> None:
    found = read("number", "1.5", "", "-2e3", "NaN", " 7 ", ".5", "+3.")
    assert not found.wrong
    np.testing.assert_array_equal(found.array, np.array([1.5, np.nan, -2000, np.nan, 7, 0.5, 3], np.float32))
    assert found.array.dtype == np.float32


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1,5", "'1,5' is no number; write 1.5"),
        ("inf", "'inf' is no number"),
        ("-Infinity", "is no number"),
        ("1_000", "is no number"),
        ("0x10", "is no number"),
        ("n/a", "is no number; leave the cell empty for no value"),
        ("true", "is no number"),
        ("٣", "is no number"),
        ("1e39", "too large for float32"),
        ("-1e999", "too large for float32"),
        ("1e-60", "too small for float32"),
    ],
)
def test_what_is_no_number_is_refused_by_its_first_row(cell: str, message: str) -> None:
    found = read("number", "1", cell, cell)
    assert [wrong.row for wrong in found.wrong] == [1]
    assert message in found.wrong[0].text


def test_a_category_that_is_missing_is_refused_or_has_the_largest_index() -> None:
    found = read("category", "a", "", "nan")
    assert [wrong.row for wrong in found.wrong] == [1, 2]
    assert "no value; fill it in, or set targets.t: {category: c, missing: ignore}" in found.wrong[0].text
    ignoring = read("category", "a", "", "b", ignore_missing=True)
    assert not ignoring.wrong
    assert (ignoring.target.classes, ignoring.array.tolist()) == (("a", "b"), [0, 65_535, 1])


def test_a_category_of_several_classes_is_refused() -> None:
    assert "looks like several classes; several for one image are `many`" in read("category", "a", "a|b").wrong[0].text
    assert "is a list" in read("category", '["a","b"]').wrong[0].text


def test_tags_are_rows_of_zero_and_one() -> None:
    found = read("many", "cat|dog", "", "cat", " dog | owl ", "dog|dog")
    assert found.target.classes == ("cat", "dog", "owl")
    assert found.array.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 1], [0, 1, 0]]
    assert found.array.dtype == np.uint8


def test_tags_by_another_separator_or_as_a_list() -> None:
    assert read("many", "a;b", "b", separator=";").array.tolist() == [[1, 1], [0, 1]]
    found = read("many", '["a, b","c"]', "['c']", "[]")
    assert (found.target.classes, found.array.tolist()) == (("a, b", "c"), [[1, 1], [0, 1], [0, 0]])
    assert not read("many", '["a, b"]', '["a"]').wrong, "a list says what is one"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("a|",), "has nothing before or after a '|'"),
        (("a||b",), "has nothing before or after a '|'"),
        (("[1,2]",), "is no list of texts"),
        (("cat, dog", "cat"), "'cat, dog' looks like several tags; set targets.t: {many: c, separator: ','}"),
        (("a;b", "a", "b"), "'a;b' looks like several tags; set targets.t: {many: c, separator: ';'}"),
    ],
)
def test_what_are_no_tags_is_refused(cells: tuple[str, ...], message: str) -> None:
    assert message in read("many", *cells).wrong[0].text


def test_a_list_of_classes_keeps_its_order_and_is_complete() -> None:
    found = read("category", "good", "bad", classes=("good", "bad", "fair"))
    assert (found.target.classes, found.array.tolist()) == (("good", "bad", "fair"), [0, 1])
    wrong = read("category", "good", "god", classes=("good",)).wrong
    assert (wrong[0].row, wrong[0].text) == (1, "'god' is not in targets.t.classes; did you mean 'good'?")
    assert read("many", "b|a", classes=("b", "c", "a")).array.tolist() == [[1, 0, 1]]
    assert read("many", "b|x", classes=("b",)).wrong[0].text.startswith("'x' is not in targets.t.classes")


def test_columns_of_zero_and_one_become_tags_in_their_order() -> None:
    found = indicators(("1", "0"), ("True", "false"), ("0.0", "1.0"), names=("owl", "cat"))
    assert found.target.classes == ("owl", "cat")
    assert found.array.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert indicators(("1", "-1"), ("-1", "1")).array.tolist() == [[1, 0], [0, 1]], "as CelebA has them"


@pytest.mark.parametrize(
    ("rows", "row", "message"),
    [
        ([("1", "0"), ("1", "")], 1, "no value in the column b; it says 1 or 0"),
        ([("1", "0"), ("2", "0")], 1, "2' in the column a"),
        ([("1", "0"), ("-1", "0")], 1, "'-1' in the column a"),
        ([("yes", "0")], 0, "'yes' in the column a"),
    ],
)
def test_a_column_that_says_anything_else_is_refused(rows: list[tuple[str, str]], row: int, message: str) -> None:
    wrong = indicators(*rows).wrong
    assert wrong[0].row == row
    assert message in wrong[0].text


def test_what_is_skipped_says_nothing() -> None:
    assert read("category", "a", "zebra", "", skipped=[1, 2]).target.classes == ("a",)
    assert not read("number", "1", "x", skipped=[1]).wrong
