import cv2
import numpy as np
import pytest
from skimage import exposure, filters

from imgprep.transforms.channels import to_gray
from imgprep.transforms.contrast import (
    Threshold,
    adaptive,
    clahe,
    contrast_stretch,
    equalize,
    invert,
    otsu,
    otsu_level,
    percentile_clip,
    threshold,
)

DTYPES = [np.uint8, np.uint16]


def picture(dtype, channels, seed=1):
    """Low contrast with structure: a ramp, a bright square, some noise; levels between 20 % and 70 % of the depth."""
    rng = np.random.default_rng(seed)
    top = np.iinfo(dtype).max
    base = np.linspace(0.2, 0.5, 48)[:, None, None] + np.zeros((48, 40, channels))
    base[10:30, 10:25] += 0.15
    base += rng.random(base.shape) * 0.05
    return (base * top).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_contrast_stretch_is_skimages_within_one_level(dtype, channels):
    image = picture(dtype, channels)
    bounds = tuple(np.percentile(image, (2, 98)))
    expected = exposure.rescale_intensity(image, in_range=bounds)
    assert np.abs(contrast_stretch(image).astype(int) - expected).max() <= 1
    flat = np.full_like(image, 9)
    np.testing.assert_array_equal(contrast_stretch(flat), flat)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_percentile_clip_is_numpys(dtype, channels):
    image = picture(dtype, channels)
    low, high = np.rint(np.percentile(image, (5, 90)))
    result = percentile_clip(image, 5, 90)
    np.testing.assert_array_equal(result, np.clip(image, low, high))
    assert result.dtype == dtype


def test_equalize_is_opencvs():
    image = picture(np.uint8, 1)
    result = equalize(image)[..., 0].astype(int)
    assert np.abs(result - cv2.equalizeHist(image[..., 0])).max() <= 1


def test_equalize_keeps_the_depth_of_sixteen_bits():
    image = picture(np.uint16, 1)
    ranks = np.searchsorted(np.sort(image.ravel()), image.ravel(), side="right").reshape(image.shape)
    lowest = (image == image.min()).sum()
    expected = np.rint((ranks - lowest) / (image.size - lowest) * 65535)
    assert np.abs(equalize(image) - expected).max() <= 1
    assert len(np.unique(equalize(image))) == len(np.unique(image)) > 1000
    shifted = (
        (exposure.equalize_hist(image[..., 0], nbins=65536)[..., None] * image.size - lowest)
        / (image.size - lowest)
        * 65535
    )
    assert np.abs(equalize(image) - shifted).max() <= 40


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [equalize, clahe])
def test_colour_is_equalized_on_its_luminance(function, dtype):
    image = picture(dtype, 3)
    gray = to_gray(image)
    difference = function(gray).astype(int) - gray
    np.testing.assert_array_equal(function(image), np.clip(image + difference, 0, np.iinfo(dtype).max))
    grey_in_rgb = np.repeat(gray, 3, axis=2)
    np.testing.assert_array_equal(function(grey_in_rgb), np.repeat(function(gray), 3, axis=2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_clahe_without_limit_and_tiles_is_plain_equalization(dtype):
    image = picture(dtype, 1)
    top = np.iinfo(dtype).max
    expected = exposure.equalize_hist(image[..., 0], nbins=top + 1)[..., None] * top
    assert np.abs(clahe(image, 1e6, (1, 1)) - expected).max() <= (1 if dtype == np.uint8 else 40)


def test_clahe_raises_local_contrast_within_its_limit():
    image = np.tile(picture(np.uint8, 1), (12, 12, 1))
    assert clahe(image).std() > image.std()
    assert clahe(image, 1.0).std() < clahe(image, 2.0).std() < clahe(image, 40.0).std()


def test_clahe_tiles_are_rows_and_columns():
    image = picture(np.uint8, 1)
    by_rows = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(2, 6)).apply(image)
    np.testing.assert_array_equal(clahe(image, 2.0, (6, 2))[..., 0], by_rows[..., 0] if by_rows.ndim == 3 else by_rows)


@pytest.mark.parametrize("dtype", DTYPES)
def test_otsu_is_skimages(dtype):
    for seed in range(5):
        image = picture(dtype, 1, seed)
        level = filters.threshold_otsu(image[..., 0])
        assert otsu_level(image) == level
        np.testing.assert_array_equal(otsu(image) > 0, image > level)
    flat = np.full((4, 4, 1), 9, dtype)
    assert otsu_level(flat) == 9
    assert not otsu(flat).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("radius", [1, 4, 17])
def test_adaptive_is_skimages_local_threshold(dtype, radius):
    image = picture(dtype, 1)
    offset = 0.37 * np.iinfo(dtype).max / 255
    level = filters.threshold_local(image[..., 0].astype(float), 2 * radius + 1, "mean", offset, mode="reflect")
    np.testing.assert_array_equal(adaptive(image, radius, offset)[..., 0] > 0, image[..., 0] > level)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threshold_is_strict_and_goes_by_luminance(dtype):
    top = np.iinfo(dtype).max
    image = np.array([[[99], [100], [101]]], dtype)
    assert threshold(image, 100)[0, :, 0].tolist() == [0, 0, top]
    colour = np.array([[[top, 0, 0], [0, top, 0]]], dtype)
    assert threshold(colour, top / 2).tolist() == [[[0, 0, 0], [top, top, top]]]


def test_threshold_step_takes_the_middle_unless_told():
    image = np.array([[[127], [128]]], np.uint8)
    assert Threshold()(image)[0, :, 0].tolist() == [0, 255]
    assert Threshold(value=126)(image)[0, :, 0].tolist() == [255, 255]
    np.testing.assert_array_equal(Threshold(method="otsu")(image), otsu(image))
    np.testing.assert_array_equal(Threshold(method="adaptive", radius=1)(image), adaptive(image, 1))


@pytest.mark.parametrize("dtype", DTYPES)
def test_invert_twice_is_the_identity(dtype):
    image = picture(dtype, 3)
    np.testing.assert_array_equal(invert(image), np.iinfo(dtype).max - image)
    np.testing.assert_array_equal(invert(invert(image)), image)
