import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.transforms.levels import apply_table, histogram, map_levels, percentiles


@given(
    values=st.lists(st.integers(0, 255), min_size=1, max_size=60),
    percents=st.lists(st.floats(0, 100), min_size=1, max_size=4),
)
@settings(deadline=None)
def test_percentiles_equal_numpys(values, percents):
    image = np.array(values, np.uint8).reshape(1, -1, 1)
    np.testing.assert_allclose(
        percentiles(histogram(image), percents), np.percentile(image, percents), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tables_replace_every_level(dtype):
    top = np.iinfo(dtype).max
    image = np.arange(top + 1, dtype=dtype).reshape(-1, 16, 1)
    np.testing.assert_array_equal(apply_table(image, np.arange(top + 1, dtype=np.float32) * 2), image * 2.0)
    mapped = map_levels(image, np.arange(top + 1) * 1.5 - 20)
    assert mapped.dtype == dtype
    assert mapped.min() == 0
    assert mapped.max() == top
    assert mapped.reshape(-1)[101] == round(101 * 1.5 - 20)
