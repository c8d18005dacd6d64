import itertools

import cv2
import numpy as np
import pytest

from imgprep.similarity.hamming import MAX_DISTANCE
from imgprep.similarity.phash import copy_clusters, dct_hash, low_frequencies, waves_of


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


def waves(images):
    small = [cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA) for image in images]
    return waves_of(low_frequencies(np.stack(small)))


def test_copies_are_joined_and_strangers_are_not():
    images = [smooth_image(seed) for seed in range(6)]
    copies = [
        cv2.resize(images[0], (50, 40), interpolation=cv2.INTER_AREA),
        cv2.convertScaleAbs(images[1], alpha=0.8, beta=20),
        cv2.imdecode(cv2.imencode(".jpg", images[2], [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0),
        cv2.GaussianBlur(images[3], (9, 9), 0),
    ]
    assert copy_clusters(waves([*images, *copies])).tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]


def test_copies_are_joined_block_by_block(monkeypatch):
    images = [smooth_image(seed) for seed in (0, 1, 0, 2, 1, 0)]
    monkeypatch.setattr("imgprep.similarity.phash._PAIRS", 1)
    assert copy_clusters(waves(images)).tolist() == [0, 1, 0, 3, 1, 0]
    assert copy_clusters(waves(images)[:0]).tolist() == []


def test_constant_images_have_no_waves():
    flat = waves([np.full((40, 50), level, np.uint8) for level in (9, 200)])
    assert not flat.any()
    assert copy_clusters(flat).tolist() == [0, 1]
