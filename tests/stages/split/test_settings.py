from pathlib import Path

import pytest

from imgprep.stages.split.settings import SplitRequest, SplitSettings


def test_the_split_of_a_source_with_splits_is_predefined() -> None:
    assert SplitRequest(SplitSettings()).method == "stratified"
    given = SplitRequest(SplitSettings(), source_splits=True)
    assert (given.method, given.validation, given.test) == ("predefined", 0, None)
    asked = SplitRequest(SplitSettings(method="random", test=0.3), source_splits=True, seed=5)
    assert (asked.method, asked.test, asked.validation, asked.seed) == ("random", 0.3, 0.1, 5)


def test_a_frozen_test_split_has_no_size(tmp_path: Path) -> None:
    settings = SplitSettings.model_validate({"test": {"from": str(tmp_path)}})
    assert SplitRequest(settings, frozen=frozenset("ab")).test is None


@pytest.mark.parametrize(("near_duplicates", "together"), [("together", True), ("ignore", False)])
def test_plain_values_are_what_decides(near_duplicates: str, together: bool) -> None:
    values = SplitRequest(SplitSettings(near_duplicates=near_duplicates), frozen=frozenset("ba"), seed=4).values()
    assert values == {
        "method": "stratified",
        "test": None,
        "validation": 0.1,
        "group": None,
        "folds": 5,
        "fraction": 1.0,
        "seed": 4,
        "frozen": ["a", "b"],
        "together": together,
    }
