import cv2
import numpy as np

from imgprep.similarity.matching import Fit, fit


def scene(seed: int, side: int = 320) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (9, 9), np.uint8)
    return cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC)


def small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(image), (32, 32), interpolation=cv2.INTER_AREA).astype(float)


NOTHING = np.zeros((1, 4))


def test_a_cut_image_fits_whatever_the_start() -> None:
    """5 % of 320 pixels are 16, which are 1.6 of 32."""
    image = scene(1)
    for top, bottom, left, right in ((16, 16, 16, 16), (16, 0, 0, 0), (0, 8, 16, 3), (0, 0, 0, 0)):
        cut = small(image[top : 320 - bottom, left : 320 - right])
        for start in (NOTHING, np.full((1, 4), 1.1)):
            found = fit(small(image)[None], cut[None], start)
            assert found.slopes[0] > 0.93
            assert found.copies.tolist() == [True]


def test_brightness_and_contrast_do_not_matter() -> None:
    image = scene(2)
    found = fit(small(image)[None], small(image)[None] * 0.5 + 60, NOTHING)
    assert found.slopes[0] > 0.999
    assert found.rest[0] > 0.4
    assert found.copies.tolist() == [True]


def test_strangers_and_other_sides_do_not_fit() -> None:
    images = np.stack([small(scene(seed)) for seed in range(20)])
    assert (np.abs(fit(images[:-1], images[1:], np.zeros((19, 4))).slopes) < 0.6).all()
    assert (np.abs(fit(images, images[:, :, ::-1], np.zeros((20, 4))).slopes) < 0.7).all()


def test_even_slopes_and_blanks_fit_nothing() -> None:
    ramp = np.add.outer(np.arange(32.0), 3 * np.arange(32.0))[None]
    blank = np.full((1, 32, 32), 90.0)
    assert fit(ramp, ramp, NOTHING).slopes[0] == 0
    assert fit(blank, blank, NOTHING).slopes[0] == 0


def test_slopes_alone_are_no_copy_when_the_brightness_differs() -> None:
    found = Fit(np.array([0.96, 0.9, 0.9, 0.8]), np.array([2.0, 0.3, 0.5, 0.1]))
    assert found.copies.tolist() == [True, True, False, False]
