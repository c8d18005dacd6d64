import itertools

import numpy as np
import pytest

from imgprep.transforms.geometric import Affine, Crop, Flip, Rot90, Rotate, Shear, Shift, Zoom
from imgprep.transforms.matrices import compose, rotation, shearing, shifting, warp, zooming


def card(height, width, channels=1):
    rows, columns, planes = np.indices((height, width, channels))
    return (10 * rows + columns + 100 * planes + 1).astype(np.uint8)


def dice(*numbers):
    return itertools.cycle(numbers).__next__


def apply(transform, image, *numbers):
    return transform.apply(image, transform.draw(dice(*numbers), image.shape))


def test_flip_follows_its_probabilities():
    image = card(4, 6, 3)
    flip = Flip(horizontal=0.5, vertical=0.2)
    np.testing.assert_array_equal(apply(flip, image, 0.4, 0.3), image[:, ::-1])
    np.testing.assert_array_equal(apply(flip, image, 0.6, 0.1), image[::-1])
    assert apply(flip, image, 0.6, 0.3) is image
    twice = apply(flip, apply(flip, image, 0, 0), 0, 0)
    np.testing.assert_array_equal(twice, image)


def test_rot90_four_times_is_the_identity():
    image = card(6, 6, 3)
    np.testing.assert_array_equal(apply(Rot90(), image, 0.25), np.rot90(image))
    turned = image
    for _ in range(4):
        turned = apply(Rot90(), turned, 0.25)
    np.testing.assert_array_equal(turned, image)


def test_rot90_keeps_the_shape_of_oblong_images():
    image = card(4, 6)
    for number in (0, 0.3, 0.6, 0.99):
        assert apply(Rot90(), image, number).shape == image.shape
    np.testing.assert_array_equal(apply(Rot90(), image, 0.6), np.rot90(image, 2))


def test_rotate_draws_between_its_bounds():
    rotate = Rotate(degrees=(-15, 15))
    assert rotate.draw(dice(0.0), (4, 4, 1)) == {"degrees": -15}
    assert rotate.draw(dice(0.5), (4, 4, 1)) == {"degrees": 0}
    image = card(9, 9)
    np.testing.assert_array_equal(apply(Rotate(degrees=(90, 90)), image, 0.3), np.rot90(image))


def test_clip_decides_whether_the_corners_stay():
    image = np.zeros((21, 21, 1), np.uint8)
    image[:2, :2] = 255
    kept = apply(Rotate(degrees=(45, 45)), image, 0)
    clipped = apply(Rotate(degrees=(45, 45), clip=True), image, 0)
    assert kept.max() > 150
    assert clipped.max() == 0


def test_zoom_and_shear_and_shift_place_labels():
    image = np.zeros((9, 9, 1), np.uint8)
    image[2, 3] = 100
    assert apply(Zoom(factor=(2, 2)), image, 0)[0, 2] == 100
    assert apply(Shear(x=(45, 45)), image, 0)[2, 1] == 100
    assert apply(Shear(x=(0, 0), y=(45, 45)), image, 0)[1, 3] == 100
    assert apply(Shift(x=(1 / 3, 1 / 3), y=(-0.1, -0.1)), image, 0)[1, 6] == 100


def test_a_shift_draws_whole_pixels():
    assert Shift(x=(-0.1, 0.1), y=(0, 0.2)).draw(dice(0.9), (28, 28, 1)) == {"x": 2, "y": 5}


def test_crop_enlarges_its_window():
    image = card(8, 8)
    params = Crop(share=(0.5, 0.5)).draw(dice(0.0, 1.0, 0.5), image.shape)
    assert params == {"share": 0.5, "x": 1.0, "y": 0.5}
    window = np.zeros_like(image)
    window[2:6, 4:8] = 200
    enlarged = Crop().apply(window, params)
    assert (enlarged[1:-1, 1:-1] == 200).all()
    outside = 200 - window
    assert (Crop().apply(outside, params)[1:-1, 1:-1] == 0).all()


def test_a_whole_crop_is_the_image_itself():
    image = card(8, 6)
    assert apply(Crop(share=(1, 1)), image, 0.7) is image


def test_affine_is_the_composition_of_its_parts():
    image = card(9, 11, 1)
    affine = Affine(degrees=(20, 20), factor=(1.3, 1.3), x=(0.1, 0.1), y=(0.2, 0.2), shear_x=(5, 5), fill="wrap")
    parts = shearing(5, 0), rotation(20, image.shape), zooming(1.3), shifting(0.1 * 11, 0.2 * 9)
    matrix = parts[0]
    for part in parts[1:]:
        matrix = compose(matrix, part)
    np.testing.assert_array_equal(apply(affine, image, 0.5), warp(image, matrix, "wrap"))
    assert apply(Affine(), image, 0.5) is image


def test_a_colour_alone_names_the_constant_fill():
    assert Shift(value=9).surroundings == ("constant", 9)
    assert Shift().surroundings is None
    assert Shift(fill="wrap").surroundings == ("wrap", 0)


@pytest.mark.parametrize(
    ("model", "arguments", "problem"),
    [
        (Rotate, {"degrees": (15, -15)}, r"degrees: expected \[low, high\], got \[15, -15\]"),
        (Zoom, {"factor": (0, 1)}, r"factor: expected two numbers \[low, high\], each over 0, not \[0, 1\]"),
        (Flip, {"horizontal": 1.5}, "horizontal: expected a number from 0 to 1, not 1.5"),
        (Shear, {"x": (-90, 0)}, r"x: expected two numbers \[low, high\], each over -90 and under 90"),
        (Shift, {"fill": "mirror"}, "fill: expected constant, nearest, reflect, wrap or null, not 'mirror'"),
        (Rotate, {"degrees": (0, float("inf"))}, r"degrees: expected two numbers .*, not \[0, inf\]"),
        (Rotate, {"degrees": (1, 2, 3)}, r"degrees: expected two numbers .*, not \[1, 2, 3\]"),
        (Rotate, {"probability": -0.1}, "probability: expected a number from 0 to 1, not -0.1"),
    ],
)
def test_wrong_parameters_are_refused(model, arguments, problem):
    with pytest.raises(ValueError, match=problem):
        model(**arguments)
