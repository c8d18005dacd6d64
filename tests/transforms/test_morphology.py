import numpy as np
import pytest
from skimage import morphology as skmorphology

from imgprep.transforms.morphology import footprint, morphology

REFERENCES = {
    "erode": skmorphology.erosion,
    "dilate": skmorphology.dilation,
    "open": skmorphology.opening,
    "close": skmorphology.closing,
    "white_tophat": skmorphology.white_tophat,
    "black_tophat": skmorphology.black_tophat,
}


@pytest.mark.parametrize("radius", range(1, 12))
def test_a_disk_is_a_true_disk(radius):
    np.testing.assert_array_equal(footprint("disk", radius), skmorphology.disk(radius))


def test_squares_and_crosses():
    assert footprint("square", 2).tolist() == [[1] * 5] * 5
    assert footprint("cross", 1).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert footprint("cross", 3).sum() == 13


@pytest.mark.parametrize("operation", REFERENCES)
@pytest.mark.parametrize("form", ["disk", "square", "cross"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("radius", [1, 3])
def test_every_operation_is_skimages_to_the_border(operation, form, dtype, radius):
    image = np.random.default_rng(4).integers(0, np.iinfo(dtype).max, (17, 23, 3), dtype=dtype, endpoint=True)
    result = morphology(image, operation, form, radius)
    element = footprint(form, radius)
    for channel in range(3):
        expected = REFERENCES[operation](image[..., channel], element)
        np.testing.assert_array_equal(result[..., channel], expected)
    np.testing.assert_array_equal(morphology(image[..., :1].copy(), operation, form, radius), result[..., :1])
