import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.transforms.intensity import (
    ChannelGain,
    Gamma,
    RangeGain,
    brightness,
    channel_affine,
    gamma,
    hue_saturation,
    range_gain,
)

DTYPES = [np.uint8, np.uint16]


def every_level(dtype, channels=1):
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(16, -1, 1)
    return np.ascontiguousarray(np.repeat(levels, channels, axis=2))


@pytest.mark.parametrize("dtype", DTYPES)
@given(alpha=st.floats(0, 3), share=st.floats(-1, 1))
@settings(deadline=None, max_examples=15)
def test_brightness_saturates_and_rounds(dtype, alpha, share):
    image, top = every_level(dtype), np.iinfo(dtype).max
    exact = np.clip(image.astype(float) * alpha + share * top, 0, top)
    assert np.abs(brightness(image, alpha, share * top) - exact).max() <= 0.51


def test_brightness_is_never_an_absolute_value():
    assert brightness(np.full((1, 1, 1), 10, np.uint8), 1, -30)[0, 0, 0] == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_gains_of_channels_saturate_instead_of_wrapping(dtype):
    image, top = every_level(dtype, 3), np.iinfo(dtype).max
    result = channel_affine(image, [1.7, 0.2, 0.1], [0, 5, -5])
    exact = np.clip(image * np.array([1.7, 0.2, 0.1]) + [0, 5, -5], 0, top)
    assert np.abs(result - exact).max() <= 0.51
    gray = every_level(dtype)
    assert np.abs(channel_affine(gray, [1.7], [3]) - np.clip(gray * 1.7 + 3, 0, top)).max() <= 0.51


def test_a_grey_image_gets_the_mean_gain():
    gain = ChannelGain(red=(1.7, 1.7), green=(0.2, 0.2), blue=(0.1, 0.1))
    assert gain.draw(lambda: 0.5, (1, 1, 1))["gains"] == pytest.approx([2 / 3])
    assert gain.draw(lambda: 0.5, (1, 1, 3))["gains"] == pytest.approx([1.7, 0.2, 0.1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [0.5, 1.7])
def test_gamma_bends_all_levels(dtype, exponent):
    image, top = every_level(dtype), np.iinfo(dtype).max
    exact = top * (image / top) ** exponent
    assert np.abs(gamma(image, exponent) - exact).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("dtype", DTYPES)
def test_gamma_of_a_range_leaves_the_rest(dtype):
    image, top = every_level(dtype), np.iinfo(dtype).max
    result = gamma(image, 0.5, (0.2, 0.6)).astype(float)
    outside = (image <= 0.2 * top) | (image >= 0.6 * top)
    np.testing.assert_array_equal(result[outside], image[outside])
    assert (result[~outside] >= image[~outside]).all()
    assert np.abs(result - image).max() > 0.05 * top
    assert (np.diff(result.reshape(-1)) >= 0).all()
    assert Gamma(gamma=(2, 2), values=(0.5, 0.5)).apply(image, {"gamma": 2}) is image


@pytest.mark.parametrize("dtype", DTYPES)
def test_hue_and_saturation_are_those_of_hsv(dtype):
    top = np.iinfo(dtype).max
    image = np.random.default_rng(1).integers(0, top, (6, 5, 3), dtype=dtype, endpoint=True)
    result = hue_saturation(image, 40, 0.7)
    for pixel, changed in zip(image.reshape(-1, 3), result.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(pixel / top))
        expected = np.array(colorsys.hsv_to_rgb((hue + 40 / 360) % 1, saturation * 0.7, value)) * top
        assert np.abs(changed - expected).max() <= 0.51 * max(1, top / 4000)


def test_a_third_of_the_circle_makes_green_of_red():
    assert hue_saturation(np.array([[[200, 10, 10]]], np.uint8), 120, 1).tolist() == [[[10, 200, 10]]]
    assert hue_saturation(np.array([[[200, 10, 10]]], np.uint8), 0, 0).tolist() == [[[200, 200, 200]]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_identity_parameters_give_the_image_itself(dtype):
    image = every_level(dtype, 3)
    assert brightness(image, 1, 0) is image
    assert gamma(image, 1) is image
    assert hue_saturation(image, 0, 1) is image
    np.testing.assert_array_equal(channel_affine(image, [1, 1, 1], [0, 0, 0]), image)
    np.testing.assert_array_equal(hue_saturation(image, 360, 1), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_each_level_is_multiplied_once_by_the_factor_of_its_range(dtype):
    last = np.iinfo(dtype).max
    image = np.arange(last + 1, dtype=dtype).reshape(-1, 256, 1)
    x = image.astype(np.float64)
    # Levels under a quarter that are doubled come into the second range, whose factor they must not get too.
    exact = np.where(x < 0.25 * last, 2 * x, np.where(x < 0.75 * last, 0.5 * x, 1.5 * x))
    result = range_gain(image, (0.25, 0.75), (2, 0.5, 1.5))
    assert result.dtype == dtype
    assert np.abs(result - np.minimum(exact, last)).max() <= 0.5


def test_range_gain_of_one_gives_the_image():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert range_gain(image, (0.5,), (1, 1)) is image


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"bounds": (0.5, 0.5)}, "bounds: expected rising"),
        ({"bounds": (0.7, 0.2)}, "bounds: expected rising"),
        ({"bounds": (0.5,)}, "factors: expected 2 pairs"),
        ({"factors": ((1, 1), (1, 1))}, "factors: expected 3 pairs"),
    ],
)
def test_range_gain_needs_a_factor_for_each_range(options, text):
    with pytest.raises(ValueError, match=text):
        RangeGain(**options)
