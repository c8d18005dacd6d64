"""How far a JPEG is reduced as it is decoded."""

import pytest
from PIL import Image

from imgprep.decoding.decode import Decoder
from imgprep.decoding.reduction import KeepingLongSide, KeepingTwice


@pytest.mark.parametrize(
    ("shape", "size", "factor"),
    [
        ((3000, 4000), (224, 224), 4),  # an eighth would leave 375 rows, and twice the size are 448
        ((3584, 3584), (224, 224), 8),
        ((3583, 3584), (224, 224), 4),
        ((4000, 895), (224, 224), 1),  # the short side decides
        ((4000, 896), (224, 224), 2),
        ((4000, 896), (224, 28), 8),
        ((896, 4000), (28, 224), 8),
        ((896, 4000), (224, 28), 2),
        ((447, 447), (224, 224), 1),
        ((9, 9), (1, 1), 4),
        ((8, 8), (1, 1), 1),  # too small for the decoder to tell its scales apart
    ],
)
def test_twice_the_size_is_left_on_both_sides(shape: tuple[int, int], size: tuple[int, int], factor: int) -> None:
    assert KeepingTwice(size)(*shape) == factor


@pytest.mark.parametrize(("least", "factor"), [(129, 4), (128, 8), (257, 2), (513, 1), (1024, 1)])
def test_so_many_pixels_of_the_long_side_are_left(least: int, factor: int) -> None:
    assert KeepingLongSide(least)(300, 1024) == factor


def test_the_size_is_that_of_the_upright_image(draw, save):
    """A photograph that lies on its side: 96 x 64 stored, 64 x 96 when it is shown."""
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = save(draw(64, 96), "JPEG", quality=95, exif=exif)
    seen = Decoder()(lying, KeepingTwice((24, 16)))
    assert (seen.factor, seen.height, seen.width, seen.pixels.shape) == (2, 96, 64, (48, 32, 3))
    assert Decoder()(lying, KeepingTwice((16, 24))).factor == 1
