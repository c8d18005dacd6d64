from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image as PilImage

from imgprep.transforms.corruption import Erase, erase, gaussian_noise, jpeg

DTYPES = [np.uint8, np.uint16]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_has_its_deviation_in_every_channel(dtype, channels):
    middle = int(np.iinfo(dtype).max / 2)
    image = np.full((128, 128, channels), middle, dtype)
    sigma = middle / 12
    noise = gaussian_noise(image, sigma, 5).astype(float) - middle
    for channel in range(channels):
        assert noise[..., channel].std() == pytest.approx(sigma, rel=0.03)
        assert abs(noise[..., channel].mean()) < sigma * 0.05
    if channels == 3:
        assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.05


def test_noise_depends_on_its_seed_alone_in_any_thread():
    image = np.full((40, 40, 3), 100, np.uint8)
    expected = [gaussian_noise(image, 20, seed) for seed in range(30)]
    assert (expected[0] != expected[1]).any()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda seed: gaussian_noise(image, 20, seed), [*range(30)] * 4))
    for index, result in enumerate(results):
        np.testing.assert_array_equal(result, expected[index % 30])


def test_noise_saturates():
    image = np.full((50, 50, 1), 250, np.uint8)
    assert gaussian_noise(image, 30, 1).max() == 255
    assert gaussian_noise(image, 30, 1).min() > 100
    assert gaussian_noise(image, 0, 1) is image


def test_erase_paints_its_boxes_and_nothing_else():
    image = np.full((10, 12, 3), 50, np.uint8)
    result = erase(image, [[1, 2, 3, 4], [9, 11, 1, 1]], (255, 0, 9))
    assert (result[1:4, 2:6] == [255, 0, 9]).all()
    assert result[9, 11].tolist() == [255, 0, 9]
    assert (result == 50).all(axis=2).sum() == 120 - 13
    assert (image == 50).all()
    assert (erase(image[..., :1].copy(), [[0, 0, 10, 12]], 7) == 7).all()


@pytest.mark.parametrize("number", [0.0, 0.5, 0.999999])
def test_erased_boxes_lie_inside(number):
    transform = Erase(count=2, height=(0.1, 1), width=(0.5, 0.5))
    for upper, left, height, width in transform.draw(lambda: number, (10, 13, 1))["boxes"]:
        assert 0 <= upper <= upper + height <= 10
        assert 0 <= left <= left + width <= 13


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_loses_more_at_lower_quality(dtype, channels):
    top = np.iinfo(dtype).max
    ramp = np.linspace(0.2, 0.8, 48)[:, None, None] * np.linspace(0.5, 1, 64)[None, :, None] * np.ones(channels)
    image = (ramp * top).astype(dtype)
    image[10:20, 10:20] = top
    errors = [np.abs(jpeg(image, quality).astype(float) - image).mean() / top for quality in (5, 50, 100)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01
    assert jpeg(image, 50).shape == image.shape


def test_jpeg_keeps_colours_and_the_fine_levels_of_sixteen_bits():
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 0] = 200
    assert np.abs(jpeg(image, 95).astype(int) - image).max() <= 3
    fine = np.full((16, 16, 1), 20000, np.uint16) + np.arange(16, dtype=np.uint16)[:, None, None]
    assert len(np.unique(jpeg(fine, 100))) == 16


def test_jpeg_is_about_pillows():
    rows, columns = np.indices((32, 32))
    image = np.stack([rows * 7, columns * 7, rows + columns], axis=2).astype(np.uint8)
    error = np.abs(jpeg(image, 60).astype(int) - image).mean()
    from io import BytesIO

    stream = BytesIO()
    PilImage.fromarray(image).save(stream, "JPEG", quality=60)
    expected = np.abs(np.asarray(PilImage.open(stream)).astype(int) - image).mean()
    assert error == pytest.approx(expected, rel=0.5)
