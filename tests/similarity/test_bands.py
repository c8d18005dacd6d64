import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.similarity.bands import BITS, passes


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 10),
    st.sampled_from([10, 10**4, 10**6, 10**7, 10**8]),
    st.sampled_from([None, 1000, 10**7]),
    st.integers(0, 2**64 - 1),
    st.data(),
)
def test_a_near_pair_is_a_candidate_of_some_pass(distance, count, queries, value, data):
    flips = data.draw(st.sets(st.integers(0, 63), max_size=distance))
    pair = np.array([value, value ^ sum(1 << bit for bit in flips)], np.uint64)
    differences = [int(np.bitwise_xor(*search.keys(pair))) for search in passes(distance, count, queries)]
    assert any(
        difference in search.flips
        for difference, search in zip(differences, passes(distance, count, queries), strict=True)
    )


@pytest.mark.parametrize("distance", range(1, 11))
@pytest.mark.parametrize("count", [1, 1000, 10**7, 2**31])
def test_a_key_and_a_position_share_64_bits(distance, count):
    assert all(search.bits + count.bit_length() <= BITS for search in passes(distance, count))


def test_more_hashes_are_searched_by_longer_keys():
    bits = [passes(4, 10**power)[0].bits for power in range(3, 9)]
    assert bits == sorted(bits)
    assert bits[0] < bits[-1]


def test_the_cost_grows_little_faster_than_the_number():
    """Measured by its parts: sorted hashes, and candidates of uniform hashes."""

    def cost(count):
        chosen = passes(4, count)
        return sum(count + count * count / 2.0**search.bits for search in chosen)

    assert cost(10**8) < 2000 * cost(10**5)
