import numpy as np
import pytest
from scipy import ndimage
from skimage import filters as skfilters

from imgprep.transforms.filters import gaussian_blur, median_blur

DTYPES = [np.uint8, np.uint16]


def noise(dtype, channels, size=(30, 41)):
    return np.random.default_rng(2).integers(0, np.iinfo(dtype).max, (*size, channels), dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.7, 6.0])
def test_gaussian_is_scipys_and_skimages(dtype, channels, sigma):
    image = noise(dtype, channels)
    result = gaussian_blur(image, sigma)
    assert result.dtype == dtype
    tolerance = 0.51
    exact = image.astype(np.float64)
    assert np.abs(result - ndimage.gaussian_filter(exact, (sigma, sigma, 0))).max() <= tolerance
    expected = skfilters.gaussian(exact, sigma, mode="reflect", channel_axis=-1)
    assert np.abs(result - expected).max() <= tolerance


def test_no_sigma_is_the_image_itself():
    image = noise(np.uint8, 3)
    assert gaussian_blur(image, 0) is image


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("radius", [1, 2, 3, 5])
def test_median_is_scipys(dtype, channels, radius):
    image = noise(dtype, channels)
    side = 2 * radius + 1
    expected = ndimage.median_filter(image, size=(side, side, 1), mode="nearest")
    np.testing.assert_array_equal(median_blur(image, radius), expected)


def test_median_in_several_bands_is_the_same(monkeypatch):
    image = noise(np.uint16, 3)
    whole = median_blur(image, 3)
    monkeypatch.setattr("imgprep.transforms.filters._WINDOW_BYTES", 1 << 16)
    np.testing.assert_array_equal(median_blur(image, 3), whole)
