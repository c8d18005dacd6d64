import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage

from imgprep.errors import ImageError
from imgprep.transforms.fit import Fit, fit
from imgprep.transforms.resize import CenterCrop, Pad, Repeat, center_crop, pad, resize

RNG = np.random.default_rng(3)


def noise(height, width, channels, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (20, 30), (7, 13), (20, 11)])
def test_shrinking_is_inter_area(size, channels, dtype):
    image = noise(20, 30, channels, dtype)
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA).reshape(*size, channels)
    np.testing.assert_array_equal(resize(image, size), expected)


def test_enlarging_is_cubic_and_mixed_takes_two_passes():
    image = noise(20, 30, 3)
    np.testing.assert_array_equal(resize(image, (40, 30)), cv2.resize(image, (30, 40), interpolation=cv2.INTER_CUBIC))
    shrunk = cv2.resize(image, (15, 20), interpolation=cv2.INTER_AREA)
    expected = cv2.resize(shrunk, (15, 50), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(resize(image, (50, 15)), expected)


def test_a_mixed_resize_does_not_alias():
    stripes = np.zeros((4, 64, 1), np.uint8)
    stripes[:, ::2] = 255
    smooth = resize(stripes, (8, 16))
    assert smooth.min() >= 127
    assert smooth.max() <= 128


def test_same_size_is_the_image_itself():
    image = noise(5, 6, 3)
    assert resize(image, (5, 6)) is image
    assert fit(image, (5, 6), "pad") is image


@pytest.mark.parametrize(("name", "flag"), [("lanczos", cv2.INTER_LANCZOS4), ("linear", cv2.INTER_LINEAR)])
def test_named_interpolations(name, flag):
    image = noise(9, 9, 3)
    np.testing.assert_array_equal(resize(image, (20, 4), name), cv2.resize(image, (4, 20), interpolation=flag))


def test_nearest_keeps_levels_and_agrees_with_pillow():
    image = noise(12, 18, 3)
    expected = np.asarray(PilImage.fromarray(image).resize((7, 5), PilImage.Resampling.NEAREST))
    np.testing.assert_array_equal(resize(image, (5, 7), "nearest"), expected)


@pytest.mark.parametrize(("mode", "name"), [("constant", "constant"), ("symmetric", "reflect"), ("edge", "edge")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_pad_equals_numpy(mode, name, dtype, channels):
    image = noise(3, 4, channels, dtype)
    expected = np.pad(image, ((2, 2), (1, 2), (0, 0)), mode)
    np.testing.assert_array_equal(pad(image, (7, 7), name), expected)
    np.testing.assert_array_equal(Pad(size=(7, 7), fill=name)(image), expected)


def test_pad_with_a_colour_in_rgb_order():
    padded = pad(np.zeros((1, 1, 3), np.uint8), (1, 3), value=(255, 10, 0))
    assert padded[0, 2].tolist() == [255, 10, 0]
    assert padded[0, 1].tolist() == [0, 0, 0]


def test_pad_reflects_further_than_the_image_is_wide():
    image = np.array([[[1], [2]]], np.uint8)
    np.testing.assert_array_equal(pad(image, (1, 8), "reflect"), np.pad(image, ((0, 0), (3, 3), (0, 0)), "symmetric"))


def test_center_crop_cuts_evenly():
    image = np.arange(49, dtype=np.uint8).reshape(7, 7, 1)
    np.testing.assert_array_equal(center_crop(image, (3, 4)), image[2:5, 1:5])
    assert center_crop(image, (3, 4)).flags.c_contiguous
    assert CenterCrop(size=(3, 4)).output_shape((7, 7, 1)) == (3, 4, 1)


def test_crop_and_pad_refuse_what_does_not_fit():
    image = noise(4, 4, 1)
    with pytest.raises(ImageError, match="4x4 is smaller than the crop of 5x2"):
        center_crop(image, (5, 2))
    with pytest.raises(ImageError, match="4x4 does not fit into 5x3"):
        pad(image, (5, 3))


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from(["stretch", "pad", "crop"]),
    channels=st.sampled_from([1, 3]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
@settings(deadline=None, max_examples=80)
def test_fit_gives_the_size_and_keeps_flat_images(height, width, size, mode, channels, dtype):
    flat = np.full((height, width, channels), 77, dtype)
    result = Fit(size=size, mode=mode, fill="edge")(flat)
    assert result.shape == (*size, channels)
    assert result.dtype == dtype
    assert result.flags.c_contiguous
    assert (result == 77).all()


def test_fit_pad_keeps_proportions_and_centres():
    result = fit(np.full((10, 20, 1), 200, np.uint8), (20, 20), "pad", value=9)
    assert (result[5:15] == 200).all()
    assert (result[:5] == 9).all()
    assert (result[15:] == 9).all()


def test_fit_crop_keeps_proportions_and_the_centre():
    image = np.zeros((10, 30, 1), np.uint8)
    image[:, 10:20] = 100
    assert (fit(image, (10, 10), "crop") == 100).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_repeat_equals_numpy(dtype):
    image = noise(3, 4, 1, dtype)
    step = Repeat(factor=3, channels=3)
    np.testing.assert_array_equal(step(image), image.repeat(3, 0).repeat(3, 1).repeat(3, 2))
    assert step.output_shape(image.shape) == step(image).shape
    with pytest.raises(ImageError, match="RGB"):
        step(noise(3, 4, 3, dtype))
