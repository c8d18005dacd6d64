import numpy as np
import pytest
from PIL import Image as PilImage

from imgprep.transforms.fit import fit
from imgprep.transforms.resize import resize

FILTERS = {
    "pillow-bilinear": PilImage.Resampling.BILINEAR,
    "pillow-bicubic": PilImage.Resampling.BICUBIC,
    "pillow-lanczos": PilImage.Resampling.LANCZOS,
}
SIZES = [(8, 8), (20, 30), (41, 50), (7, 60), (45, 9), (1, 1)]


def noise(channels, dtype=np.uint8):
    levels = np.iinfo(dtype).max
    return np.random.default_rng(4).integers(0, levels, (20, 30, channels), dtype=dtype, endpoint=True)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_8_bits_are_those_of_pillow(name, size, channels):
    image = noise(channels)
    stored = PilImage.fromarray(image[..., 0], "L") if channels == 1 else PilImage.fromarray(image, "RGB")
    expected = np.asarray(stored.resize((size[1], size[0]), FILTERS[name])).reshape(*size, channels)
    np.testing.assert_array_equal(resize(image, size, name), expected)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", SIZES[1:5])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_go_through_pillows_floats(name, size, channels):
    """Pillow clips between its two passes in mode I;16, which gives other levels than its floats do."""
    image = noise(channels, np.uint16)
    planes = [PilImage.fromarray(image[..., channel].astype(np.float32), "F") for channel in range(channels)]
    exact = np.stack([np.asarray(plane.resize((size[1], size[0]), FILTERS[name])) for plane in planes], -1)
    made = resize(image, size, name)
    assert made.dtype == np.uint16
    np.testing.assert_array_equal(made, np.clip(np.rint(exact), 0, 65535))


def test_16_bits_are_clipped_and_not_wrapped():
    edge = np.zeros((8, 8, 1), np.uint16)
    edge[:, 4:] = 65535
    made = resize(edge, (8, 32), "pillow-lanczos")
    assert (made.min(), made.max()) == (0, 65535)
    assert np.all(made[:, :8] < 20000)
    assert np.all(made[:, -8:] > 45000)


def test_a_fit_uses_the_filter():
    image = noise(3)
    inner = np.asarray(PilImage.fromarray(image).resize((18, 12), PilImage.Resampling.BICUBIC))
    expected = np.zeros((18, 18, 3), np.uint8)
    expected[3:15] = inner
    np.testing.assert_array_equal(fit(image, (18, 18), "pad", "pillow-bicubic"), expected)
    outer = np.asarray(PilImage.fromarray(image).resize((27, 18), PilImage.Resampling.BILINEAR))
    np.testing.assert_array_equal(fit(image, (18, 18), "crop", "pillow-bilinear"), outer[:, 4:22])
