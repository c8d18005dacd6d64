import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.transforms.compose import Chain
from imgprep.transforms.geometric import Flip, Rot90, Rotate, Shift, Zoom
from imgprep.transforms.intensity import Brightness, Invert
from imgprep.transforms.matrices import compose, flipping, rotation, shifting, warp, zooming
from imgprep.transforms.policies import OneOf
from imgprep.util.rng import rng


def smooth(height=40, width=50, channels=3, dtype=np.uint8):
    rows, columns, planes = np.indices((height, width, channels))
    wave = 0.5 + 0.2 * np.sin(rows / 7 + planes) + 0.25 * np.cos(columns / 5 - planes)
    return np.rint(wave * np.iinfo(dtype).max).astype(dtype)


CHAIN = Chain(
    (
        Flip(horizontal=0.5),
        Rotate(degrees=(-15, 15)),
        Zoom(factor=(0.8, 1.2), probability=0.5),
        Shift(x=(-0.1, 0.1), y=(-0.1, 0.1), fill="reflect"),
        Brightness(alpha=(0.8, 1.2), beta=(-20, 20)),
    )
)


def test_a_chain_of_affine_transforms_is_one_exact_warp():
    image = smooth()
    chain = Chain((Flip(), Rotate(), Zoom(), Shift(fill="nearest")))
    records = [{"horizontal": True, "vertical": False}, {"degrees": 12.5}, {"factor": 0.9}, {"x": 3, "y": -2}]
    matrix = compose(compose(flipping(True, False), rotation(12.5, image.shape)), zooming(0.9))
    matrix = compose(matrix, shifting(3, -2))
    np.testing.assert_array_equal(chain.apply(image, records), warp(image, matrix, "nearest"))


def test_one_interpolation_beats_several():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8)
    there_and_back = Chain(tuple(Rotate(degrees=(angle, angle), clip=True) for angle in (25, -25)))
    inner = slice(16, 48)
    difference = np.abs(there_and_back(image, rng(1, "a")).astype(int) - image)[inner, inner]
    assert difference.max() <= 1


def test_exact_transforms_stay_exact_in_a_chain():
    image = smooth(30, 30)
    chain = Chain((Flip(horizontal=1, vertical=1), Rot90(), Flip(horizontal=1, vertical=0)))
    records = chain.draw(rng(1, "a"), image.shape)
    turned = np.rot90(image[::-1, ::-1], records[1]["turns"])[:, ::-1]
    np.testing.assert_array_equal(chain.apply(image, records), turned)


def test_levels_change_between_two_warps():
    image = np.full((20, 20, 1), 100, np.uint8)
    chain = Chain((Shift(x=(0.5, 0.5), y=(0, 0)), Invert(), Shift(x=(0.2, 0.2), y=(0, 0))))
    result = chain(image, rng(1, "a"))[0, :, 0].tolist()
    assert result == [0] * 4 + [255] * 10 + [155] * 6


def test_different_named_fills_are_both_honoured():
    image = np.full((10, 10, 1), 100, np.uint8)
    chain = Chain(
        (
            Shift(x=(0.2, 0.2), y=(0, 0), value=7),
            Flip(horizontal=1),
            Shift(x=(0.3, 0.3), y=(0, 0), fill="constant", value=9),
        )
    )
    assert chain(image, rng(1, "a"))[0, :, 0].tolist() == [9] * 3 + [100] * 7
    wrapped = Chain((Shift(x=(0.2, 0.2), y=(0, 0), value=7), Shift(x=(0.3, 0.3), y=(0, 0), fill="wrap")))
    assert wrapped(image, rng(1, "a"))[0, :, 0].tolist() == [100] * 3 + [7] * 2 + [100] * 5


def test_a_fill_that_is_not_named_is_that_of_the_chain():
    image = np.full((10, 10, 1), 100, np.uint8)
    unnamed, named = Shift(x=(0.2, 0.2), y=(0, 0)), Zoom(factor=(1, 1), value=33, probability=0)
    for chain in (Chain((unnamed, named)), Chain((named, unnamed)), Chain((OneOf(of=(named,)), unnamed))):
        assert chain(image, rng(1, "a"))[0, :3, 0].tolist() == [33, 33, 100]
    assert Chain((unnamed,))(image, rng(1, "a"))[0, 0] == 0


@given(key=st.text(max_size=5), copy=st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_records_rebuild_the_image(key, copy):
    image = smooth()
    records = CHAIN.draw(rng(7, key, copy), image.shape)
    rebuilt = CHAIN.apply(image, json.loads(json.dumps(records)))
    np.testing.assert_array_equal(rebuilt, CHAIN(image, rng(7, key, copy)))
    assert rebuilt.shape == image.shape


def test_explain_names_what_was_applied():
    records = [{"horizontal": True, "vertical": False}, {"degrees": 3.0}, None, {"x": 1, "y": 0}, None]
    assert CHAIN.explain(records, (40, 50, 3)) == [
        {"transform": "flip", "horizontal": True, "vertical": False},
        {"transform": "rotate", "degrees": 3.0},
        {"transform": "shift", "x": 1, "y": 0},
    ]


def test_probability_zero_and_one():
    image = smooth()
    assert Chain((Invert(probability=0),))(image, rng(1, "a")) is image
    np.testing.assert_array_equal(Chain((Invert(probability=1),))(image, rng(1, "a")), 255 - image)
    assert Chain(())(image, rng(1, "a")) is image
    share = np.mean(
        [Chain((Invert(probability=0.3),)).draw(rng(1, "a", copy), (1, 1, 1))[0] is None for copy in range(500)]
    )
    assert 0.62 < share < 0.78


def test_the_input_is_not_changed():
    image = smooth()
    before = image.copy()
    for copy in range(5):
        CHAIN(image, rng(3, "x", copy))
    np.testing.assert_array_equal(image, before)


def test_records_must_match_the_chain():
    with pytest.raises(ValueError, match="zip"):
        CHAIN.apply(smooth(), [None])
