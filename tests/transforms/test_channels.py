import numpy as np
import pytest
from PIL import Image as PilImage

from imgprep.transforms.channels import to_depth, to_gray, to_rgb

EVERY_LEVEL = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)


def test_sixteen_to_eight_bits_is_rounded_exactly():
    expected = (EVERY_LEVEL.astype(np.int64) + 128) // 257
    result = to_depth(EVERY_LEVEL, 8)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)


def test_eight_to_sixteen_bits_and_back_is_the_identity():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    up = to_depth(levels, 16)
    assert up.max() == 65535
    np.testing.assert_array_equal(to_depth(up, 8), levels)
    assert to_depth(levels, 8) is levels
    assert to_depth(up, 16) is up


def test_gray_is_pillows_within_one_level():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    expected = np.asarray(PilImage.fromarray(image).convert("L")).astype(int)
    assert np.abs(to_gray(image)[..., 0] - expected).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_is_the_weighted_sum(dtype):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (40, 50, 3), dtype=dtype, endpoint=True)
    gray = to_gray(image)
    assert gray.shape == (40, 50, 1)
    assert gray.dtype == dtype
    assert np.abs(gray[..., 0] - image @ [0.299, 0.587, 0.114]).max() <= np.iinfo(dtype).max / 255 * 0.6
    assert to_gray(gray) is gray


def test_rgb_of_gray_repeats_it():
    gray = EVERY_LEVEL
    np.testing.assert_array_equal(to_rgb(gray), np.repeat(gray, 3, 2))
    np.testing.assert_array_equal(to_gray(to_rgb(gray)), gray)
    assert to_rgb(to_rgb(gray)).shape == (256, 256, 3)
