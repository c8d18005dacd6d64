import itertools

import numpy as np
import pytest
from scipy import ndimage

from imgprep.transforms.compose import Chain
from imgprep.transforms.keras import Keras
from imgprep.util.rng import rng

SCIPY_MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap"}


def smooth(height=45, width=60, channels=3):
    rows, columns, planes = np.indices((height, width, channels))
    wave = 0.5 + 0.2 * np.sin(rows / 7 + planes) + 0.25 * np.cos(columns / 5 - planes)
    return np.rint(wave * 255).astype(np.uint8)


def reference(image, p, mode, cval=0.0):
    """Keras' apply_transform written down from its definition, in float64 with scipy."""
    theta, shear = np.deg2rad(p["theta"]), np.deg2rad(p["shear"])
    rotate = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    shift = np.array([[1, 0, p["tx"]], [0, 1, p["ty"]], [0, 0, 1]])
    slant = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    matrix = rotate @ shift @ slant @ np.diag([p["zx"], p["zy"], 1])
    row, column = image.shape[0] / 2 - 0.5, image.shape[1] / 2 - 0.5
    to_centre = np.array([[1, 0, row], [0, 1, column], [0, 0, 1]])
    matrix = to_centre @ matrix @ np.linalg.inv(to_centre)
    x = np.stack(
        [
            ndimage.affine_transform(plane, matrix[:2, :2], matrix[:2, 2], order=1, mode=SCIPY_MODES[mode], cval=cval)
            for plane in np.moveaxis(image.astype(float), 2, 0)
        ],
        axis=2,
    )
    if "channel_shift_intensity" in p:
        x = np.clip(x + p["channel_shift_intensity"], x.min(), x.max())
    x = x[:, ::-1] if p["flip_horizontal"] else x
    x = x[::-1] if p["flip_vertical"] else x
    return np.clip(x * p.get("brightness", 1), 0, 255)


@pytest.mark.parametrize("mode", SCIPY_MODES)
@pytest.mark.parametrize("copy", range(6))
def test_the_preset_is_the_formula_of_keras(mode, copy):
    keras = Keras(
        rotation_range=60,
        width_shift_range=0.3,
        height_shift_range=0.2,
        shear_range=25.0,
        zoom_range=(0.6, 1.5),
        channel_shift_range=30,
        brightness_range=(0.7, 1.2),
        horizontal_flip=True,
        vertical_flip=True,
        fill_mode=mode,
        cval=60,
    )
    image = smooth()
    params = keras.draw_maybe(rng_dice(copy), image.shape)
    difference = np.abs(Chain((keras,)).apply(image, [params]) - reference(image, params, mode, 60))
    assert np.quantile(difference, 0.95) <= 1.5
    assert difference.max() <= 255 / 16


def rng_dice(copy):
    return iter(rng(5, "keras", copy).random(50).tolist()).__next__


def dice(*numbers):
    return itertools.cycle(numbers).__next__


SHAPE = (100, 200, 3)


def test_nothing_is_drawn_unless_named():
    image = smooth()
    assert Chain((Keras(),))(image, rng(1, "a")) is image


@pytest.mark.parametrize(
    ("spread", "numbers", "pixels"),
    [
        (0.25, (0.0,), -50),
        (0.25, (0.75,), 25),
        (10.0, (0.0,), -10),
        (4, (0.99, 0.0), 3),
        (4, (0.99, 0.9), -3),
        (1, (0.99, 0.9), 0),
        ((0.1, 0.3), (0.9, 0.1), 60),
        ((5.0, 9.0), (0.1, 0.9), -5),
    ],
)
def test_shift_ranges_mean_what_they_mean_in_keras(spread, numbers, pixels):
    assert Keras(width_shift_range=spread).draw(dice(*numbers), SHAPE)["ty"] == pytest.approx(pixels)


def test_zoom_range_is_a_pair_or_a_spread_around_one():
    assert Keras(zoom_range=0.25).draw(dice(0.0, 0.5), SHAPE) | {"zx": 0.75, "zy": 1.0} == Keras(zoom_range=0.25).draw(
        dice(0.0, 0.5), SHAPE
    )
    params = Keras(zoom_range=(0.5, 2.0)).draw(dice(0.0), SHAPE)
    assert (params["zx"], params["zy"]) == (0.5, 0.5)


def test_a_zoom_over_one_shrinks_as_in_keras():
    image = np.zeros((21, 21, 1), np.uint8)
    image[6:15, 6:15] = 255
    shrunk = Chain((Keras(zoom_range=(3.0, 3.0), fill_mode="constant"),))(image, rng(1, "a"))
    assert (shrunk > 128).sum() == 9


def test_the_channel_shift_stays_within_the_levels_of_the_image():
    image = np.array([[[50, 100, 200]]], np.uint8)
    result = Chain((Keras(channel_shift_range=40.0),)).apply(
        image, [Keras().draw(dice(0.5), (1, 1, 3)) | {"channel_shift_intensity": 30.4}]
    )
    assert result.tolist() == [[[80, 130, 200]]]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"zoom_range": 1.0}, "zoom_range"),
        ({"zoom_range": (0.0, 1.0)}, "zoom_range"),
        ({"rotation_range": -1}, "rotation_range: expected a number of at least 0"),
        ({"brightness_range": (2.0, 1.0)}, "brightness_range: expected"),
    ],
)
def test_wrong_parameters_are_refused(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        Keras(**arguments)
