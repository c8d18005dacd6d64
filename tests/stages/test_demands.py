from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imgprep.errors import RequestError
from imgprep.sample import SampleTable
from imgprep.stages.demands import SplitSettings, check_settings, group_codes, group_column

MakeTable = Callable[..., SampleTable]


def test_groups_come_from_an_attribute_a_pattern_or_the_source(table: MakeTable) -> None:
    ids = ["p1_a.png", "p1_b.png", "p2_a.png", "other"]
    images = table(["ash"] * 4, ids, attributes=[{"patient": "x"}, {}, {"patient": "x"}, {"patient": "y"}])

    def codes(group: str | None, images: SampleTable = images) -> list[int]:
        return group_codes(group_column(images, images.id, SplitSettings(group=group))).tolist()

    assert np.unique(codes("patient"), return_inverse=True)[1].tolist() == [1, 0, 1, 2]
    assert codes("patient")[1] == -1
    first, second, third, last = codes(r"^(p\d+)_")
    assert first == second != third
    assert last == -1
    assert codes(r"p\d+")[0] == codes(r"p\d+")[1]
    assert codes(r"(p1)?_")[2:] == [-1, -1], "a part of the expression that is not in the match is no group"
    assert codes(None) == [-1] * 4
    assert len(set(codes(None, table(["ash"] * 3, group=["a", "b", "a"])))) == 2
    with pytest.raises(RequestError, match=r"'station' is no attribute \(there are: patient\) and matches no id"):
        codes("station")
    with pytest.raises(RequestError, match="no attribute, and no regular expression"):
        codes("(")


def test_demands_are_checked_before_anything_is_made(table: MakeTable) -> None:
    images = table(["ash"] * 3)
    check_settings(images, SplitSettings())
    with pytest.raises(RequestError, match="the source gives no splits"):
        check_settings(images, SplitSettings(method="predefined"))
    with pytest.raises(RequestError, match="'station' is no attribute"):
        check_settings(images, SplitSettings(group="station"))
    check_settings(table(["ash"], split=["test"]), SplitSettings(method="predefined"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"test": 9}, r"spec:1: split.test: 9 images are asked for, there are 8; give fewer"),
        ({"test": 5, "validation": 4}, r"split.validation: 4 images are asked for, there are 3"),
        ({"test": 5, "fraction": 0.5}, r"split.test: 5 images are asked for, there are 4"),
        ({"validation": 9, "frozen": frozenset(["a"])}, r"split.validation: 9 images are asked for, there are 8"),
        ({"method": "kfold", "folds": 7}, r"split.folds: 7 folds, but only 6 images or groups that can be parted"),
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
        check_settings(images, SplitSettings(where="spec:1", **settings))
    fewer = {key: value - 1 if isinstance(value, int) else value for key, value in settings.items()}
    check_settings(images, SplitSettings(**fewer))


def test_settings_are_plain_and_do_not_depend_on_the_order_of_a_set() -> None:
    one = SplitSettings(frozen=frozenset("abc"), where="spec:1").settings()
    assert one == SplitSettings(frozen=frozenset("cba"), where="spec:2").settings()
    assert one["frozen"] == ["a", "b", "c"]
    assert one != SplitSettings(frozen=frozenset("ab")).settings()
    assert one != SplitSettings(frozen=frozenset("abc"), seed=1).settings()
