import dataclasses
from typing import Annotated, Literal

import annotated_types as at
import numpy as np
import pytest

from imgprep.transforms.base import Color, Range, between, color_of, field_problems, top, uniforms, with_channels
from imgprep.util.rng import rng


@dataclasses.dataclass(frozen=True)
class Model:
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
    assert field_problems(Model(**arguments)) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"number": 0}, "number: expected at least 1, got 0"),
        ({"number": 5}, "number: expected less than 5, got 5"),
        ({"number": 1.5}, "number: expected a whole number, got 1.5"),
        ({"optional": 0}, "optional: expected more than 0, got 0"),
        ({"choice": "c"}, "choice: expected one of a, b, got 'c'"),
        ({"bounds": (2, 1)}, "bounds: expected [low, high], got [2, 1]"),
        ({"bounds": (float("nan"), 1)}, "bounds: expected a number, got nan"),
        ({"bounds": [0, 1]}, "bounds: expected a tuple, got [0, 1]"),
        ({"color": -1}, "color: expected at least 0, got -1"),
        ({"color": (1, 2)}, "color: expected a number, got (1, 2)"),
        ({"several": ()}, "several: expected a length of at least 1, got ()"),
        ({"several": (1, 2, 3)}, "several: expected a length of at most 2, got (1, 2, 3)"),
        ({"several": ("x",)}, "several: expected a number, got 'x'"),
    ],
)
def test_wrong_fields(arguments, problem):
    assert field_problems(Model(**arguments)) == [problem]
