import numpy as np
import pytest

from imgprep.transforms import STRESS
from imgprep.util.rng import rng

DTYPES = [np.uint8, np.uint16]


def digit(dtype=np.uint8, channels=1):
    image = np.zeros((28, 28, channels), dtype)
    image[8:20, 10:18] = np.iinfo(dtype).max
    return image


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_inverted_and_shifted_are_those_of_the_handbook(dtype, channels):
    image = digit(dtype, channels)
    np.testing.assert_array_equal(STRESS["inverted"]()(image, rng(1, "a")), np.iinfo(dtype).max - image)
    shifted = STRESS["shifted"]()(image, rng(1, "a"))
    np.testing.assert_array_equal(shifted[:, 4:], image[:, :-4])
    assert not shifted[:, :4].any()


def test_shifted_does_not_wrap():
    image = np.full((28, 28, 1), 9, np.uint8)
    assert STRESS["shifted"]()(image, rng(1, "a")).sum() == 9 * 28 * 24


def test_the_others_do_what_they_are_called():
    image = digit()
    assert STRESS["dimmed"]()(image, rng(1, "a")).max() == round(0.4 * 255)
    blurred = STRESS["blurred"]()(image, rng(1, "a"))
    assert 0 < blurred[7, 12, 0] < 255
    noisy = STRESS["noisy"]()(np.full((64, 64, 1), 128, np.uint8), rng(1, "a"))
    assert noisy.std() == pytest.approx(25.5, rel=0.1)


def test_rotated_turns_to_both_sides():
    angles = [
        STRESS["rotated"]().draw(iter(rng(1, "a", copy).random(9)).__next__, (28, 28, 1))["degrees"]
        for copy in range(20)
    ]
    assert all(15 <= abs(angle) <= 30 for angle in angles)
    assert min(angles) < 0 < max(angles)


def test_shifted_loses_nothing_where_it_wraps_as_the_roll_of_numpy():
    image = np.random.default_rng(2).integers(0, 256, (28, 28, 1), np.uint8)
    shifted = STRESS["shifted"](fill="wrap")
    np.testing.assert_array_equal(shifted(image, np.random.default_rng(0)), np.roll(image, 4, axis=1))
    cut = STRESS["shifted"]()(image, np.random.default_rng(0))
    np.testing.assert_array_equal(cut[:, 4:], image[:, :-4])
    assert not cut[:, :4].any()
