"""The key source.splits."""

import pytest

from imgprep.settings.problems import SpecError
from imgprep.sources.split_names import USUAL, SplitNames
from imgprep.spec.split_names import parse_splits


def test_names_and_what_they_mean() -> None:
    assert parse_splits(None) == USUAL
    assert parse_splits("ignore") == SplitNames(ignored=True)
    assert parse_splits({"eval": "validation", None: "train", 1: "skip"}) == SplitNames(
        (("eval", "validation"), ("", "train"), ("1", "skip"))
    )


@pytest.mark.parametrize("value", ["ignored", ["train"], 3, True, {"eval": "tset"}, {"eval": None}, {"eval": ["test"]}])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(SpecError):
        parse_splits(value)


def test_a_near_split_is_suggested() -> None:
    with pytest.raises(SpecError, match=r"eval: unknown split 'tset'; did you mean 'test'\?"):
        parse_splits({"eval": "tset"})
