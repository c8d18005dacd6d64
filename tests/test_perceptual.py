import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.perceptual import MAX_DISTANCE, dct_hash, near_duplicate_clusters, telling_clusters


def brute_force(hashes, distance):
    labels = list(range(len(hashes)))
    for a, b in itertools.combinations(range(len(hashes)), 2):
        if (int(hashes[a]) ^ int(hashes[b])).bit_count() <= distance and labels[a] != labels[b]:
            low, high = sorted((labels[a], labels[b]))
            labels = [low if label == high else label for label in labels]
    return labels


def smooth_image(seed, side=96):
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12)).astype(np.uint8)
    return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=12)), max_size=12),
    st.integers(0, MAX_DISTANCE),
)
def test_clusters_are_those_of_all_pairs(base, changes, distance):
    for row, bits in changes:
        if row < len(base):
            base.append(base[row] ^ sum(1 << bit for bit in bits))
    hashes = np.array(base, np.uint64)
    assert near_duplicate_clusters(hashes, distance).tolist() == brute_force(hashes, distance)


@pytest.mark.parametrize("distance", [1, 4, 5, 9, 10])
def test_many_clusters(distance):
    rng = np.random.default_rng(distance)
    hashes = rng.integers(0, 2**64, 60, np.uint64)
    for _ in range(2):
        flips = np.array([sum(1 << b for b in rng.choice(64, distance, replace=False)) for _ in hashes], np.uint64)
        hashes = np.concatenate([hashes, hashes ^ flips])
    assert near_duplicate_clusters(hashes, distance).tolist() == brute_force(hashes, distance)


def test_nothing_in_nothing_out():
    assert near_duplicate_clusters(np.array([], np.uint64), 4).tolist() == []


def test_chains_lower_the_distance():
    """Every hash differs from the next in one bit, so that all hang together; equal ones may be many."""
    gray_code = np.arange(4096, dtype=np.uint64)
    gray_code ^= gray_code >> np.uint64(1)
    clusters, used = telling_clusters(np.concatenate([gray_code, gray_code[:200]]), 4)
    assert used == 0
    assert clusters.tolist() == [*range(4096), *range(200)]


def test_many_copies_are_no_chain():
    hashes = np.array([7] * 500 + [5] * 500 + [2**64 - 1], np.uint64)
    clusters, used = telling_clusters(hashes, 4)
    assert used == 4
    assert np.unique(clusters).tolist() == [0, 1000]
    assert telling_clusters(hashes[:0], 4)[1] == 4


@pytest.mark.parametrize("distance", [-1, MAX_DISTANCE + 1])
def test_distance_out_of_range(distance):
    with pytest.raises(ValueError, match="distance"):
        near_duplicate_clusters(np.zeros(2, np.uint64), distance)


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
