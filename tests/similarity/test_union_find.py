import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.similarity.union_find import unite


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40), st.integers(0, 40))
def test_rows_point_at_the_first_of_all_that_hang_together(pairs: list[tuple[int, int]], cut: int) -> None:
    first = np.arange(30)
    for some in (pairs[:cut], pairs[cut:]):
        left, right = np.array(some, np.int64).reshape(-1, 2).T
        unite(first, left, right)
    sets = [{row} for row in range(30)]
    for one, other in pairs:
        joined = sets[one] | sets[other]
        for row in joined:
            sets[row] = joined
    assert first.tolist() == [min(mine) for mine in sets]
