import colorsys

import numpy as np
import pytest

from imgprep.checks.features import _degrees


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025])
def test_a_pixel_has_the_same_hue_bit_for_bit_wherever_it_stands(count: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (count, 3), np.uint8)
    together = _degrees(pixels)
    for place in {0, 1, count // 2, count - 1} & {*range(count)}:
        assert _degrees(pixels[place:][:1]).tobytes() == together[place].tobytes()
        exact = 360 * colorsys.rgb_to_hsv(*(pixels[place] / 255).tolist())[0]
        assert together[place] == pytest.approx(exact, abs=1e-3)
    assert together.shape == (count,)
