from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgprep.decoding.alpha import composite, replace_key, straight


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@given(data=st.data())
def test_composite_is_exact(dtype, top, data):
    value, alpha = data.draw(st.integers(0, top)), data.draw(st.integers(0, top))
    background = data.draw(st.tuples(*[st.integers(0, 255)] * 3))
    out = composite(np.full((1, 1, 3), value, dtype), np.full((1, 1), alpha, dtype), background)
    expected = [
        int(Fraction(value * alpha + b * (top // 255) * (top - alpha), top) + Fraction(1, 2)) for b in background
    ]
    assert out.tolist() == [[expected]]
    assert out.dtype == dtype


def test_bands_give_the_same(draw):
    image = np.tile(draw(channels=4), (40, 40, 1))
    whole = composite(image[:, :, :3], image[:, :, 3], (9, 99, 199))
    part = composite(image[700:701, :, :3], image[700:701, :, 3], (9, 99, 199))
    assert (whole[700:701] == part).all()


def test_premultiplied_never_wraps():
    colours, alpha = np.full((1, 1, 3), 255, np.uint8), np.zeros((1, 1), np.uint8)
    assert composite(colours, alpha, (255, 0, 7), premultiplied=True).tolist() == [[[255, 255, 255]]]


def test_key_keeps_grey_on_grey():
    grey = np.array([[[5], [6]]], np.uint16)
    pixels, opacity = replace_key(grey, (5,), (255, 255, 255))
    assert opacity.tolist() == [[[0], [65535]]]
    assert pixels.tolist() == [[[65535], [6]]]
    assert grey.tolist() == [[[5], [6]]]
    assert replace_key(grey, (5,), (1, 0, 0))[0].tolist() == [[[257, 0, 0], [6, 6, 6]]]
    assert replace_key(grey, (7,), (1, 0, 0)) == (grey, None)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@given(data=st.data())
def test_straight_undoes_what_multiplied(dtype, top, data):
    value, alpha = data.draw(st.integers(0, top)), data.draw(st.integers(1, top))
    multiplied = int(Fraction(value * alpha, top) + Fraction(1, 2))
    found = int(straight(np.full((1, 1, 3), multiplied, dtype), np.full((1, 1), alpha, dtype))[0, 0, 0])
    assert found == min(top, int(Fraction(multiplied * top, alpha) + Fraction(1, 2)))
    assert abs(found - value) <= top / (2 * alpha) + 0.5
    assert not straight(np.full((1, 1, 3), 0, dtype), np.zeros((1, 1), dtype)).any()
