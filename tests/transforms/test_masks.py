import numpy as np
import pytest

from imgprep.transforms.masks import tells_apart


@pytest.mark.parametrize(
    ("levels", "tells"),
    [([0, 255], True), ([0, 128], True), ([0, 127], False), ([1, 255], False), ([255, 255], False), ([0, 0], False)],
)
def test_a_mask_tells_when_it_has_both(levels: list[int], tells: bool) -> None:
    assert tells_apart(np.array(levels, np.uint8).reshape(1, 2, 1)) is tells
