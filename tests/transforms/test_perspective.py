import numpy as np
import pytest

from imgprep.transforms.perspective import Perspective, perspective
from imgprep.util.rng import rng

WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_corners_go_where_they_are_sent(dtype, channels):
    image = np.full((40, 60, channels), 200, dtype)
    result = perspective(image, [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])
    assert (result[11:29, 16:44] == 200).all()
    assert (result[:9] == 0).all()
    assert (result[:, 47:] == 0).all()
    assert result.shape == image.shape


def test_unmoved_corners_give_the_image_itself():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    assert perspective(image, WHOLE) is image
    assert Perspective(strength=(0, 0))(image, rng(1, "a")) is image


def test_exchanged_corners_mirror_the_image():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    mirrored = perspective(image, [WHOLE[1], WHOLE[0], WHOLE[3], WHOLE[2]], "nearest")
    assert np.abs(mirrored.astype(int) - image[:, ::-1]).max() <= 4


def test_corners_move_inwards_within_the_strength():
    (left, upper), (right, _), _, (_, lower) = Perspective(strength=(0.1, 0.2)).draw(
        iter(rng(1, "a").random(8).tolist()).__next__, (10, 10, 1)
    )["corners"]
    assert 0.1 <= left <= 0.2
    assert 0.1 <= upper <= 0.2
    assert 0.8 <= right <= 0.9
    assert 0.8 <= lower <= 0.9
