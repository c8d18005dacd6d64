import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imgprep.errors import ImageError
from imgprep.transforms.matrices import (
    IDENTITY,
    QUARTER_TURNS,
    compose,
    flipping,
    inverse,
    rotation,
    shearing,
    shifting,
    warp,
    zooming,
)

DTYPES = [np.uint8, np.uint16]
SCIPY_MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect", "wrap": "grid-wrap"}


def card(height=5, width=7, channels=1, dtype=np.uint8):
    """Every pixel has a label of its own: ten times its row plus its column, plus 100 for each channel."""
    rows, columns, planes = np.indices((height, width, channels))
    return (10 * rows + columns + 100 * planes + 1).astype(dtype)


def smooth(height=40, width=50, channels=3, dtype=np.uint8):
    rows, columns, planes = np.indices((height, width, channels))
    wave = 0.5 + 0.2 * np.sin(rows / 7 + planes) + 0.25 * np.cos(columns / 5 - planes)
    return np.rint(wave * np.iinfo(dtype).max).astype(dtype)


def by_scipy(image, matrix, fill="constant", value=0):
    """The same warp through scipy, which wants the way back, in (row, column) from the first pixel."""
    a, b, c, d, e, f = inverse(matrix)
    linear = np.array([[e, d], [b, a]])
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = centre + np.array([f, c]) - linear @ centre
    planes = [
        ndimage.affine_transform(plane.astype(float), linear, offset, order=1, mode=SCIPY_MODES[fill], cval=value)
        for plane in np.moveaxis(image, 2, 0)
    ]
    return np.stack(planes, axis=2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_mirrors_and_quarter_turns_copy_pixels(channels, dtype):
    image, square = card(5, 7, channels, dtype), card(6, 6, channels, dtype)
    np.testing.assert_array_equal(warp(image, flipping(True, False)), image[:, ::-1])
    np.testing.assert_array_equal(warp(image, flipping(False, True)), image[::-1])
    np.testing.assert_array_equal(warp(image, flipping(True, True)), image[::-1, ::-1])
    np.testing.assert_array_equal(warp(image, QUARTER_TURNS[2]), np.rot90(image, 2))
    for turns in range(4):
        np.testing.assert_array_equal(warp(square, QUARTER_TURNS[turns]), np.rot90(square, turns))
    for mirror in (flipping(True, False), flipping(False, True)):
        both = compose(QUARTER_TURNS[1], mirror)
        np.testing.assert_array_equal(warp(square, both), warp(warp(square, QUARTER_TURNS[1]), mirror))


def test_the_identity_is_the_image_itself():
    image = card()
    for matrix in (
        IDENTITY,
        rotation(0, image.shape),
        zooming(1),
        shifting(0, 0),
        shearing(0, 0),
        flipping(False, False),
        compose(flipping(True, False), flipping(True, False)),
    ):
        assert warp(image, matrix) is image


def test_a_shift_moves_labels_by_whole_pixels():
    image = card()
    moved = warp(image, shifting(2, -1), "constant", 99)
    np.testing.assert_array_equal(moved[:-1, 2:], image[1:, :-2])
    assert (moved[-1] == 99).all()
    assert (moved[:, :2] == 99).all()


@pytest.mark.parametrize(
    ("fill", "row"),
    [
        ("constant", [0, 0, 1, 2, 3]),
        ("nearest", [1, 1, 1, 2, 3]),
        ("reflect", [2, 1, 1, 2, 3]),
        ("wrap", [4, 5, 1, 2, 3]),
    ],
)
def test_what_surrounds_the_image(fill, row):
    image = np.array([[1, 2, 3, 4, 5]] * 3, np.uint8)[..., None]
    assert warp(image, shifting(2, 0), fill)[1, :, 0].tolist() == row


def test_rotation_is_counter_clockwise_around_the_centre():
    image = card(7, 7)
    for degrees, turns in ((90, 1), (180, 2), (-90, 3)):
        for clip in (False, True):
            np.testing.assert_array_equal(warp(image, rotation(degrees, image.shape, clip)), np.rot90(image, turns))


def test_zoom_doubles_distances_from_the_centre():
    image = np.zeros((9, 9, 1), np.uint8)
    image[4, 4], image[2, 3] = 200, 100
    zoomed = warp(image, zooming(2))
    assert zoomed[4, 4] == 200
    assert zoomed[0, 2] == 100
    assert zoomed[0, 3] == 50


def test_shear_slides_rows_by_the_tangent():
    image = card(5, 7)
    slanted = warp(image, shearing(45, 0))
    assert slanted[2].tolist() == image[2].tolist()
    assert slanted[3, 1:].tolist() == image[3, :-1].tolist()
    assert slanted[0, :-2].tolist() == image[0, 2:].tolist()


@given(degrees=st.floats(-180, 180), height=st.integers(1, 300), width=st.integers(1, 300))
@settings(deadline=None)
def test_an_unclipped_rotation_keeps_the_corners_and_uses_the_room(degrees, height, width):
    a, b, _, d, e, _ = rotation(degrees, (height, width, 1))
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    turned = corners @ np.array([[a, b], [d, e]]).T
    np.testing.assert_allclose(np.abs(turned).max(axis=0), (width / 2, height / 2))


@pytest.mark.parametrize("fill", SCIPY_MODES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_warp_is_scipys_bilinear_interpolation(fill, dtype, channels):
    image = smooth(channels=channels, dtype=dtype)
    matrix = compose(compose(rotation(20, image.shape, clip=True), zooming(0.7)), shifting(3.3, -2.2))
    difference = np.abs(warp(image, matrix, fill, 50) - by_scipy(image, matrix, fill, 50))
    # OpenCV places samples to 1/32 of a pixel, which matters where the fill meets the image abruptly.
    levels = np.iinfo(dtype).max / 255
    assert np.quantile(difference, 0.95) <= 1.5 * levels
    assert difference.max() <= 255 / 32 * levels


@given(
    numbers=st.lists(st.floats(-3, 3), min_size=6, max_size=6).filter(lambda n: abs(n[0] * n[4] - n[1] * n[3]) > 0.1)
)
@settings(deadline=None)
def test_inverse_undoes(numbers):
    matrix = tuple(numbers)
    np.testing.assert_allclose(compose(matrix, inverse(matrix)), IDENTITY, atol=1e-9)


def test_too_long_for_opencv_is_said():
    image = np.zeros((1, 40000, 1), np.uint8)
    with pytest.raises(ImageError, match="1x40000"):
        warp(image, shifting(0.5, 0))
    assert warp(image, flipping(True, False)).shape == image.shape


def texture(dtype=np.uint8, channels=3, size=(64, 64)):
    return np.random.default_rng(4).integers(0, np.iinfo(dtype).max, (*size, channels), dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("times", [2, 4, 8])
def test_zooming_out_averages_by_area(dtype, channels, times):
    image = texture(dtype, channels)
    side = 64 // times
    warped = warp(image, zooming(1 / times))
    means = image.reshape(side, times, side, times, channels).astype(np.float64).mean((1, 3))
    first = (64 - side) // 2
    inner = warped[first : first + side, first : first + side]
    assert np.abs(inner - means).max() <= 0.5 + 1e-9
    outside = warped.copy()
    outside[first : first + side, first : first + side] = 0
    assert not outside.any()


@pytest.mark.parametrize("factor", [0.25, 0.3, 0.45, 0.6])
def test_zooming_out_keeps_the_mean_of_noise_and_calms_it(factor):
    image = texture(size=(200, 160))
    warped = warp(image, zooming(factor), "wrap").astype(np.float64)
    assert abs(warped.mean() - image.mean()) < 1
    # Area averaging of independent pixels divides their deviation by the factor; sampling four of them does not.
    assert warped.std() < 1.1 * factor * image.std()


def test_a_shrinking_rotation_and_shear_are_averaged_too():
    image = texture(size=(200, 200))
    for matrix in (compose(rotation(45, (200, 200, 3)), zooming(0.5)), compose(shearing(20, 0), zooming(0.25))):
        warped = warp(image, matrix, "wrap")
        assert warped.std() < 0.6 * image.std()


def test_an_axis_that_is_not_reduced_is_not_averaged():
    image = np.repeat(texture(size=(64, 1)), 64, axis=1)
    warped = warp(image, (0.25, 0.0, 0.0, 0.0, 1.0, 0.0), "wrap")
    np.testing.assert_array_equal(warped, image)


@pytest.mark.parametrize(("x", "y"), [(9, 0), (-9, 0), (0, 5), (13, -7)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_shift_by_whole_pixels_that_wraps_is_the_roll_of_numpy(x, y, dtype):
    image = texture(dtype, size=(28, 63))
    np.testing.assert_array_equal(warp(image, shifting(x, y), "wrap"), np.roll(image, (y, x), axis=(0, 1)))
