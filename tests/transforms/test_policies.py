import json
from collections import Counter

import numpy as np
import pytest

from imgprep.transforms.compose import Chain
from imgprep.transforms.geometric import Flip, Rotate, Shift
from imgprep.transforms.intensity import Brightness, Invert
from imgprep.transforms.keras import Keras
from imgprep.transforms.policies import Grid, OneOf, SomeOf
from imgprep.util.rng import rng

IMAGE = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)


def test_one_of_applies_exactly_one():
    chain = Chain((OneOf(of=(Invert(), Flip(horizontal=1))),))
    seen = set()
    for copy in range(20):
        result = chain(IMAGE, rng(1, "a", copy))
        seen.add("invert" if (result == 255 - IMAGE).all() else "flip" if (result == IMAGE[:, ::-1]).all() else "other")
    assert seen == {"invert", "flip"}


def test_weights_decide_how_often():
    one_of = OneOf(of=(Invert(), Flip(), Brightness()), weights=(1, 2, 7))
    draws = Counter(Chain((one_of,)).draw(rng(1, "a", copy), IMAGE.shape)[0]["choice"] for copy in range(600))
    assert [round(draws[choice] / 60) for choice in range(3)] == [1, 2, 7]


def test_some_of_applies_n_different_ones_in_order():
    some_of = SomeOf(n=2, of=(Invert(), Flip(), Brightness()))
    pairs = set()
    for copy in range(40):
        (record,) = Chain((some_of,)).draw(rng(1, "a", copy), IMAGE.shape)
        pairs.add(tuple(choice for choice, _ in record["choices"]))
    assert pairs == {(0, 1), (0, 2), (1, 2)}


def test_policies_nest_and_are_rebuilt_from_json():
    chain = Chain((SomeOf(n=1, of=(OneOf(of=(Invert(probability=0.5), Rotate())), Shift())), Flip()))
    for copy in range(20):
        records = chain.draw(rng(1, "b", copy), IMAGE.shape)
        rebuilt = chain.apply(IMAGE, json.loads(json.dumps(records)))
        np.testing.assert_array_equal(rebuilt, chain(IMAGE, rng(1, "b", copy)))
        names = [entry["transform"] for entry in chain.explain(records, IMAGE.shape)]
        assert names[-1] == "flip"
        assert set(names[:-1]) <= {"invert", "rotate", "shift"}


def test_affine_transforms_inside_policies_join_the_one_warp():
    nested = Chain((OneOf(of=(Rotate(degrees=(25, 25), clip=True),)), Rotate(degrees=(-25, -25), clip=True)))
    result = nested(IMAGE, rng(1, "a")).astype(int)
    assert np.abs(result - IMAGE)[3:9, 3:9].max() <= 1


SEEDS_003 = (
    {"rotation_range": [0, 60, 120]},
    {
        "width_shift_range": [0.0, 0.3, 0.6],
        "height_shift_range": [0.0, 0.3, 0.6],
        "shear_range": [0.0, 0.3, 0.6],
    },
    {"zoom_range": [0.0, 0.3, 0.6, 0.9]},
    {"channel_shift_range": [0]},
    {"horizontal_flip": [True, False], "vertical_flip": [False, True]},
    {"fill_mode": ["constant", "nearest", "reflect", "wrap"]},
)


def test_the_288_generators_of_the_seed():
    grid = Grid(of=(Keras(),), axes=SEEDS_003)
    assert len(grid.variants) == 288
    assert len(set(grid.variants)) == 288
    assert all(v.width_shift_range == v.shear_range and v.horizontal_flip != v.vertical_flip for v in grid.variants)
    assert grid.variants[0] == Keras(horizontal_flip=True, fill_mode="constant")


def test_a_random_choice_of_the_grid_is_repeatable():
    first, again, other = (Grid(of=(Keras(),), axes=SEEDS_003, n=12, seed=seed) for seed in (1, 1, 2))
    assert len(first.variants) == 12
    assert first.variants == again.variants != other.variants


def test_a_grid_draws_all_its_variants():
    grid = Grid(of=(Brightness(),), axes=({"alpha": [[0.5, 0.5], [2, 2]]},))
    values = {int(Chain((grid,))(np.full((1, 1, 1), 100, np.uint8), rng(1, "a", copy))[0, 0, 0]) for copy in range(20)}
    assert values == {50, 200}


@pytest.mark.parametrize(
    ("axes", "problem"),
    [
        (({"rotation_rang": [1]},), "keras has no parameter rotation_rang, did you mean rotation_range?"),
        (({"xyz": [1]},), "use one of"),
        (({"rotation_range": [1, 2], "shear_range": [1]},), "walked together"),
        (({"rotation_range": []},), "walked together"),
        (({"rotation_range": [-1]},), "axes: rotation_range: expected a number of at least 0, not -1"),
    ],
)
def test_wrong_axes_are_refused(axes, problem):
    with pytest.raises(ValueError, match=problem):
        Grid(of=(Keras(),), axes=axes)


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match="at most 1"):
        SomeOf(n=2, of=(Invert(),))
    with pytest.raises(ValueError, match="one for each"):
        OneOf(of=(Invert(),), weights=(1, 2))
    with pytest.raises(ValueError, match="at most 2"):
        Grid(of=(Keras(),), axes=({"rotation_range": [1, 2]},), n=3)
    with pytest.raises(ValueError, match="of: expected a list of transforms"):
        Grid(of=(Keras(), Keras()), axes=())
