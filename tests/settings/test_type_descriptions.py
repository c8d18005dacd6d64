from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MinLen

from imgprep.settings.type_descriptions import choices, expectation, listed

Share = Annotated[float, Ge(0), Le(1)]


@dataclass
class Options:
    a: int = 0


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "an integer"),
        (bool, "true or false"),
        (Path, "a path"),
        (date | None, "a date such as 2026-12-31 or null"),
        (Optional[int], "an integer or null"),  # noqa: UP045 - the old form too
        (None | str, "text or null"),
        (Literal["a"], "a"),
        (Literal["a", 2, "c"], "a, 2 or c"),
        (Literal["a", "b"] | None, "a, b or null"),
        (Literal["auto"] | Annotated[int, Ge(1)], "auto or an integer of at least 1"),
        (Share, "a number from 0 to 1"),
        (Annotated[float, Gt(0), Lt(1)], "a number over 0 and under 1"),
        (Annotated[float, Interval(gt=0, le=2)], "a number over 0 and at most 2"),
        (Annotated[str, MinLen(1)], "text that is not empty"),
        (Annotated[tuple[int, ...], Len(2, 4)], "a list of at least 2 and of at most 4, each item an integer"),
        (Annotated[int, "a prime"], "a prime"),
        (tuple[float, float], "two numbers [low, high]"),
        (tuple[Share, Share], "two numbers [low, high], each from 0 to 1"),
        (tuple[int, int, int], "three integers"),
        (tuple[int, int, int, int, int], "5 integers"),
        (tuple[int, str], "a list of 2: an integer, text"),
        (tuple[Path, Path], "a list of 2: a path, a path"),
        (list[str], "a list, each item text"),
        (Mapping[str, int], "a mapping, each value an integer"),
        (Options, "a mapping of keys"),
        (Any, "a mapping of keys"),
    ],
)
def test_types_in_plain_words(hint: object, text: str) -> None:
    assert expectation(hint) == text


def test_metadata_may_come_apart() -> None:
    assert expectation(int, [Ge(3)]) == "an integer of at least 3"
    assert expectation(Annotated[int, Ge(3)], ["three or more"]) == "three or more"


def test_words_to_suggest() -> None:
    assert choices(Annotated[Literal["a", 2, "b"] | float, "x"]) == ["a", "b"]
    assert choices(list[Literal["a"]]) == []
    assert (listed(["a"]), listed(["a", "b"])) == ("a", "a or b")
