import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.similarity import hamming
from imgprep.similarity.hamming import MAX_DISTANCE, adaptive_clusters, near_duplicate_clusters


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
    monkeypatch.setattr(hamming, "_ROWS", 3)
    monkeypatch.setattr(hamming, "_PAIRS", 5)
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
