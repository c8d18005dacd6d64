import itertools

import cv2
import numpy as np
import pytest

from imgprep.neighbours import MAX_DISTANCE
from imgprep.perceptual import dct_hash


def smooth_image(seed, side=96):
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12)).astype(np.uint8)
    return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("change", ["smaller", "brighter", "jpeg"])
def test_hash_survives_small_changes(change):
    image = smooth_image(1)
    changed = {
        "smaller": lambda: cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA),
        "brighter": lambda: cv2.convertScaleAbs(image, alpha=0.8, beta=20),
        "jpeg": lambda: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0),
    }[change]()
    assert (dct_hash(image) ^ dct_hash(changed)).bit_count() <= 4


def test_hashes_of_different_images_are_far_apart():
    hashes = [dct_hash(smooth_image(seed)) for seed in range(40)]
    distances = [(a ^ b).bit_count() for a, b in itertools.combinations(hashes, 2)]
    assert min(distances) > MAX_DISTANCE


@pytest.mark.parametrize("level", [0, 77, 255])
def test_constant_images_hash_to_nothing(level):
    assert dct_hash(np.full((40, 50), level, np.uint8)) == 0
