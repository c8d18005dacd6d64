"""Targets as arrays: what a row means, which values can be, and their statistics."""

from typing import Any

import numpy as np
import pytest

from imgprep.table.several_labels import several_labels
from imgprep.table.targets import Target, of_rows, values_of

STATE = Target("state", "category", ("state",), classes=("bad", "good"))
PRICE = Target("price", "number", ("price",))
TAGS = Target("tags", "many", ("tags",), classes=("cat", "dog", "owl"))


def test_the_arrays_of_each_kind() -> None:
    assert [(each.dtype.name, each.row_shape) for each in (STATE, PRICE, TAGS)] == [
        ("uint16", ()), ("float32", ()), ("uint8", (3,)),
    ]  # fmt: skip
    many = Target("x", "category", ("x",), classes=tuple(map(str, range(65_536))))
    assert (many.dtype.name, many.missing_index, STATE.missing_index) == ("uint32", 2**32 - 1, 65_535)


def test_a_row_for_people() -> None:
    columns = {
        "state": np.array([1, 65_535], np.uint16),
        "price": np.array([19.99, np.nan], np.float32),
        "tags": np.array([[1, 0, 1], [0, 0, 0]], np.uint8),
    }
    assert values_of([STATE, PRICE, TAGS], columns, 0) == {"state": "good", "price": 19.99, "tags": ["cat", "owl"]}
    assert values_of([STATE, PRICE, TAGS], columns, 1) == {"state": None, "price": None, "tags": []}
    rows = of_rows(columns, np.array([1]))
    assert rows["tags"].tolist() == [[0, 0, 0]]


def test_statistics_are_those_computed_by_hand() -> None:
    state = np.array([1, 1, 0, 65_535], np.uint16)
    assert STATE.statistics(state) == {"counts": {"bad": 1, "good": 2}, "missing": 1}
    price = np.array([1, 2, np.nan, 6], np.float32)
    assert PRICE.statistics(price) == {
        "count": 3, "missing": 1, "mean": 3.0, "std": pytest.approx((14 / 3) ** 0.5), "min": 1.0, "max": 6.0,
    }  # fmt: skip
    tags = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]], np.uint8)
    assert TAGS.statistics(tags) == {"counts": {"cat": 1, "dog": 2, "owl": 0}, "empty": 1}
    nothing = dict.fromkeys(("mean", "std", "min", "max"))
    assert PRICE.statistics(price[2:3]) == {"count": 0, "missing": 1} | nothing


def test_a_large_offset_does_not_spoil_the_deviation() -> None:
    values = np.array([16_777_214, 16_777_216], np.float32)
    assert PRICE.statistics(values)["std"] == 1.0


@pytest.mark.parametrize(
    ("target", "array", "fits"),
    [
        (STATE, np.array([0, 1], np.uint16), True),
        (STATE, np.array([0, 2], np.uint16), False),
        (STATE, np.array([0, 65_535], np.uint16), False),
        (STATE, np.array([0, 1], np.uint32), False),
        (PRICE, np.array([0, np.nan], np.float32), True),
        (PRICE, np.array([0, np.inf], np.float32), False),
        (TAGS, np.array([[0, 1, 1], [0, 0, 0]], np.uint8), True),
        (TAGS, np.array([[0, 1, 2], [0, 0, 0]], np.uint8), False),
        (TAGS, np.array([[0, 1], [0, 0]], np.uint8), False),
    ],
)
def test_values_that_can_be(target: Target, array: Any, fits: bool) -> None:
    assert target.fits(array, 2) is fits


def test_labels_that_are_several_and_labels_that_only_look_so() -> None:
    assert several_labels(["a", "b|c"]) == ("b|c", "|")
    assert several_labels(["cat, dog", "dog, owl", "owl", "cat"]) == ("cat, dog", ",")
    assert several_labels(["cat,dog", "cat"]) == ("cat,dog", ",")
    assert several_labels(["crane, bird", "crane"], suspicious=True) == ("crane, bird", ",")
    for labels in (["crane, bird", "crane"], ["a|", "|b"], ["c;d"], ["c,d"], ["cat dog", "cat", "dog"], []):
        assert several_labels(labels) is None, labels
