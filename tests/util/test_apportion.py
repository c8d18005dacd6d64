import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.util.apportion import apportion


@pytest.mark.parametrize(
    ("sizes", "total", "shares", "one_each"),
    [
        # 9.80, 0.10, 0.10 of 10: the first remainder is the largest.
        ([100, 1, 1], 10, [10, 0, 0], [8, 1, 1]),
        # 2.5, 1.25, 1.25.
        ([10, 5, 5], 5, [3, 1, 1], [3, 1, 1]),
        # 1.33 each: of equal remainders the first gains.
        ([4, 4, 4], 4, [2, 1, 1], [2, 1, 1]),
        # 0.67 each, too few for one each.
        ([4, 4, 4], 2, [1, 1, 0], [1, 1, 0]),
        # 1.9, 0, 0.1: a class without images gets none.
        ([19, 0, 1], 2, [2, 0, 0], [1, 0, 1]),
        ([3, 2], 5, [3, 2], [3, 2]),
        ([3, 2], 0, [0, 0], [0, 0]),
        ([0, 0], 0, [0, 0], [0, 0]),
        ([], 0, [], []),
    ],
)
def test_shares_worked_out_by_hand(sizes: list[int], total: int, shares: list[int], one_each: list[int]) -> None:
    assert apportion(np.array(sizes, np.int64), total).tolist() == shares
    assert apportion(np.array(sizes, np.int64), total, one_each=True).tolist() == one_each


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.floats(0, 1), st.booleans())
def test_shares_are_exact_in_sum_and_off_by_less_than_one(sizes: list[int], part: float, one_each: bool) -> None:
    counts = np.array(sizes)
    total = round(part * int(counts.sum()))
    found = apportion(counts, total, one_each=one_each)
    assert found.sum() == total
    assert (found >= 0).all()
    assert (found <= counts).all()
    if one_each:
        assert total < np.count_nonzero(counts) or (found[counts > 0] > 0).all()
    elif counts.sum():
        exact = counts * total / counts.sum()
        assert (np.abs(found - exact) < 1).all()
        # The largest remainders are those that are rounded up.
        rest = exact - np.floor(exact)
        up = (found > exact) & (rest > 1e-6)
        down = (found < exact) & (rest > 1e-6)
        if up.any() and down.any():
            assert rest[up].min() >= rest[down].max() - 1e-6


def test_shares_of_ten_million_images_are_exact() -> None:
    counts = np.array([3_333_333, 3_333_333, 3_333_334])
    assert apportion(counts, 10_000_000).tolist() == counts.tolist()
    assert apportion(counts, 1).tolist() == [0, 0, 1]
