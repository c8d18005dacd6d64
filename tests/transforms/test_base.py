import dataclasses
from typing import Annotated, Literal

import annotated_types as at
import numpy as np
import pytest

from imgprep.settings.binding import bind
from imgprep.settings.problems import Problem, SpecError
from imgprep.settings.tables import Context
from imgprep.transforms.base import Checked, Color, Range, between, color_of, top, uniforms, with_channels
from imgprep.util.rng import rng


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Model(Checked):
    number: Annotated[int, at.Ge(1), at.Lt(5)] = 1
    optional: Annotated[float, at.Gt(0)] | None = None
    choice: Literal["a", "b"] = "a"
    bounds: Range = (0.0, 1.0)
    color: Color = 0
    several: Annotated[tuple[float, ...], at.MinLen(1), at.MaxLen(2)] = (1.0,)


def test_uniform_numbers_go_on_over_the_blocks():
    uniform = uniforms(rng(1, "a"))
    assert [uniform() for _ in range(100)] == rng(1, "a").random(100).tolist()


def test_between_reaches_from_the_low_to_the_high_bound():
    assert [between((-2, 6), share) for share in (0, 0.25, 1)] == [-2, 0, 6]


def test_channels_and_levels():
    assert with_channels(np.zeros((2, 3)), np.zeros((2, 3, 1), np.uint8)).shape == (2, 3, 1)
    assert with_channels(np.zeros((2, 3, 3)), np.zeros((2, 3, 3), np.uint8)).shape == (2, 3, 3)
    assert (top(np.zeros(1, np.uint8)), top(np.zeros(1, np.uint16))) == (255, 65535)
    assert (color_of(7), color_of((1, 2, 3))) == ((7, 7, 7), (1, 2, 3))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"number": 4},
        {"optional": 0.5},
        {"choice": "b"},
        {"bounds": (2, 2)},
        {"color": (0, 1, 65535)},
        {"several": (1, 2)},
    ],
)
def test_good_fields(arguments):
    assert {name: getattr(Model(**arguments), name) for name in arguments} == arguments


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"number": 0}, "number: expected an integer of at least 1 and under 5, not 0"),
        ({"number": 5}, "number: expected an integer of at least 1 and under 5, not 5"),
        ({"number": 1.5}, "number: expected an integer of at least 1 and under 5, not 1.5"),
        ({"optional": 0}, "optional: expected a number over 0 or null, not 0"),
        ({"choice": "c"}, "choice: expected a or b, not 'c'"),
        ({"bounds": (2, 1)}, "bounds: expected [low, high], got [2, 1]"),
        ({"bounds": (float("nan"), 1)}, "bounds: expected two numbers [low, high], not [nan, 1]"),
        ({"bounds": 1}, "bounds: expected two numbers [low, high], not 1"),
        ({"color": -1}, "color: expected a number from 0 to 65535 or three numbers, each from 0 to 65535, not -1"),
        (
            {"color": (1, 2)},
            "color: expected a number from 0 to 65535 or three numbers, each from ",
        ),
        ({"several": ()}, "several: expected a list that is not empty and of at most 2, each item a number, not []"),
        (
            {"several": ("x",)},
            "several: expected a list that is not empty and of at most 2, each item a number",
        ),
        ({"number": 0, "choice": "c"}, "number: expected an integer of at least 1 and under 5, not 0; choice: "),
    ],
)
def test_wrong_fields_are_told_in_the_words_of_the_spec(arguments, problem):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared below
        Model(**arguments)
    assert str(refused.value).startswith(problem)


def test_a_list_becomes_a_tuple():
    assert Model(bounds=[0, 1], several=[2]) == Model(bounds=(0.0, 1.0), several=(2.0,))


def test_equal_values_stay_as_they_were_given():
    """Fingerprints of settings are made of their text."""
    assert repr(Model(bounds=(0, 1), color=3)) == (
        "Model(number=1, optional=None, choice='a', bounds=(0, 1), color=3, several=(1.0,))"
    )


COMPLETED = []


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Completed(Checked):
    low: int = 0
    high: int = 1

    def complete(self) -> None:
        COMPLETED.append(self.low)
        if self.low > self.high:
            raise ValueError(f"high: expected at least {self.low}")


def test_fields_are_checked_against_each_other_once_with_or_without_a_spec():
    COMPLETED.clear()
    assert bind(Completed, {"low": 1}, Context()) == Completed(low=1)
    assert COMPLETED == [1, 1]
    with pytest.raises(SpecError) as refused:
        bind(Completed, {"low": 2}, Context())
    assert refused.value.problems == (Problem(("high",), "expected at least 2"),)
    with pytest.raises(ValueError, match="high: expected at least 2"):
        Completed(low=2)
    assert COMPLETED == [1, 1, 2, 2]
