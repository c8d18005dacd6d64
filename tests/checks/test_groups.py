import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.checks.groups import clusters, equal_rows


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_equal_rows_and_clusters(values):
    names = equal_rows(np.array(values, np.uint64).reshape(-1, 2))
    assert names.tolist() == [values.index(value) for value in values]
    expected = [[n for n, other in enumerate(values) if other == value] for value in dict.fromkeys(values)]
    assert [cluster.tolist() for cluster in clusters(names)] == [rows for rows in expected if len(rows) > 1]
