from collections.abc import Callable
from typing import Any

import pytest

from imgprep.errors import RequestError
from imgprep.stages.split.validate import check_settings
from imgprep.table.sample import SampleTable
from tests.support.stage_fixtures import split_request

MakeTable = Callable[..., SampleTable]


def test_demands_are_checked_before_anything_is_made(table: MakeTable) -> None:
    images = table(["ash"] * 3)
    check_settings(images, split_request())
    with pytest.raises(RequestError, match="the source gives no splits"):
        check_settings(images, split_request(method="predefined"))
    with pytest.raises(RequestError, match="'station' is no attribute"):
        check_settings(images, split_request(group="station"))
    check_settings(table(["ash"], split=["test"]), split_request(method="predefined"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"test": 9}, r"spec:1: split.test: 9 images are asked for, there are 8; give fewer"),
        ({"test": 5, "validation": 4}, r"split.validation: 4 images are asked for, there are 3"),
        ({"test": 5, "fraction": 0.5}, r"split.test: 5 images are asked for, there are 4"),
        ({"validation": 9, "frozen": frozenset(["a"])}, r"split.validation: 9 images are asked for, there are 8"),
        (
            {"method": "kfold", "folds": 7},
            r"7 folds, but only 6 images or groups that can be in different folds",
        ),
        ({"method": "predefined", "validation": 6}, r"split.validation: 6 images are asked for, there are 5"),
    ],
)
def test_more_than_there_is_is_refused_before_anything_is_made(
    table: MakeTable, settings: dict[str, Any], words: str
) -> None:
    """Eight images, three of them in one group; a ninth cannot be read."""
    images = table(
        ["ash"] * 9,
        group=["a", "a", "a", *[""] * 6],
        split=["train"] * 5 + ["test"] * 3 + ["train"],
        status=["ok"] * 8 + ["quarantined"],
    )
    with pytest.raises(RequestError, match=words):
        check_settings(images, split_request(where="spec:1", **settings))
    fewer = {key: value - 1 if isinstance(value, int) else value for key, value in settings.items()}
    check_settings(images, split_request(**fewer))


def test_settings_are_plain_and_do_not_depend_on_the_order_of_a_set() -> None:
    one = split_request(frozen=frozenset("abc"), where="spec:1").values()
    assert one == split_request(frozen=frozenset("cba"), where="spec:2").values()
    assert one["frozen"] == ["a", "b", "c"]
    assert one != split_request(frozen=frozenset("ab")).values()
    assert one != split_request(frozen=frozenset("abc"), seed=1).values()
