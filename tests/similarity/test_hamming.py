import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.similarity import bands, hamming
from imgprep.similarity.bands import bit_count
from imgprep.similarity.hamming import MAX_DISTANCE, HashIndex, adaptive_clusters, near_duplicate_clusters


def brute_force(hashes, distance):
    labels = list(range(len(hashes)))
    for a, b in itertools.combinations(range(len(hashes)), 2):
        if (int(hashes[a]) ^ int(hashes[b])).bit_count() <= distance and labels[a] != labels[b]:
            low, high = sorted((labels[a], labels[b]))
            labels = [low if label == high else label for label in labels]
    return labels


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
def test_many_clusters(distance, monkeypatch):
    """In blocks of three rows and five pairs as in one."""
    monkeypatch.setattr(bands, "_ROWS", 3)
    monkeypatch.setattr(bands, "_PAIRS", 5)
    monkeypatch.setattr(hamming, "_UNITED", 7)
    rng = np.random.default_rng(distance)
    hashes = rng.integers(0, 2**64, 60, np.uint64)
    for _ in range(2):
        flips = np.array([sum(1 << b for b in rng.choice(64, distance, replace=False)) for _ in hashes], np.uint64)
        hashes = np.concatenate([hashes, hashes ^ flips])
    assert near_duplicate_clusters(hashes, distance).tolist() == brute_force(hashes, distance)


def drawn(count, distance, rng):
    """Hashes, a quarter of which are others with up to `distance` bits flipped."""
    hashes = rng.integers(0, 2**64, count, np.uint64)
    for row in range(count * 3 // 4, count):
        flips = rng.choice(64, rng.integers(0, distance + 1), replace=False)
        hashes[row] = hashes[row // 7] ^ np.uint64(sum(1 << int(bit) for bit in flips))
    return hashes


@pytest.mark.parametrize("distance", [1, 2, 4, 6, 8, 10])
def test_thousands_of_hashes_are_clustered_as_by_all_pairs(distance):
    hashes = drawn(3000, distance, np.random.default_rng(distance))
    near = bit_count((hashes[:, None] ^ hashes).ravel()).reshape(len(hashes), -1) <= distance
    expected = np.arange(len(hashes))
    while not np.array_equal(expected, least := np.where(near, expected, len(hashes)).min(axis=1)):
        expected = least
    assert near_duplicate_clusters(hashes, distance).tolist() == expected.tolist()


@pytest.mark.parametrize("distance", [1, 4, 6, 10])
def test_an_index_finds_every_near_pair(distance):
    rng = np.random.default_rng(distance)
    hashes, others = drawn(300, distance, rng), rng.integers(0, 2**64, 200, np.uint64)
    others[::3] = hashes[:67] ^ np.uint64(1 << 40)
    found = {pair for block in HashIndex(hashes, distance, 200).near(others) for pair in zip(*block, strict=True)}
    near = bit_count((hashes[:, None] ^ others).ravel()).reshape(len(hashes), -1) <= distance
    assert found == set(zip(*np.nonzero(near), strict=True))


def test_nothing_in_nothing_out():
    assert near_duplicate_clusters(np.array([], np.uint64), 4).tolist() == []
    assert adaptive_clusters(np.array([], np.uint64), 4)[0].tolist() == []


def test_chains_lower_the_distance():
    """Every hash differs from the next in one bit, so that all hang together; equal ones may be many."""
    gray_code = np.arange(4096, dtype=np.uint64)
    gray_code ^= gray_code >> np.uint64(1)
    clusters, used = adaptive_clusters(np.concatenate([gray_code, gray_code[:200]]), 4)
    assert used == 0
    assert clusters.tolist() == [*range(4096), *range(200)]


def test_many_copies_are_no_chain():
    hashes = np.array([7] * 500 + [5] * 500 + [2**64 - 1], np.uint64)
    clusters, used = adaptive_clusters(hashes, 4)
    assert used == 4
    assert np.unique(clusters).tolist() == [0, 1000]
    assert adaptive_clusters(hashes[:0], 4)[1] == 4


@pytest.mark.parametrize("distance", [-1, MAX_DISTANCE + 1])
def test_distance_out_of_range(distance):
    with pytest.raises(ValueError, match="distance"):
        near_duplicate_clusters(np.zeros(2, np.uint64), distance)
