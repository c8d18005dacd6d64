import numpy as np
import pytest

from imgprep.dataset.row_format import ImageFormat
from imgprep.stages.convert.operations import image_format, operations, unchanged
from imgprep.stages.convert.settings import ConvertSettings
from tests.support.sections import section


def test_operations_come_in_order() -> None:
    settings = section(ConvertSettings, channels="gray", size=[6, 5], steps=["equalize", "invert"], depth=16)
    assert list(operations(settings)) == ["gray", "size", "1 equalize", "2 invert", "16 bit"]
    assert image_format(settings) == ImageFormat((6, 5, 1), "uint16")
    image = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    for operation in operations(settings).values():
        image = operation(image)
    assert (image.shape, image.dtype) == ((6, 5, 1), np.uint16)


@pytest.mark.parametrize(
    "convert",
    [{}, {"size": [6, 5], "channels": "keep"}, {"size": [6, 5], "depth": "keep"}],
    ids=["no size", "channels kept", "depth kept"],
)
def test_the_images_decide_what_the_spec_does_not(convert: dict[str, object]) -> None:
    assert image_format(section(ConvertSettings, **convert)) is None


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", ["rgb", "gray"])
@pytest.mark.parametrize("fit", [{}, {"fit": "pad"}, {"fit": "crop"}, {"interpolation": "nearest"}], ids=str)
def test_an_image_that_has_the_format_stays_as_it_is(depth: int, channels: str, fit: dict[str, str]) -> None:
    settings = section(ConvertSettings, size=[6, 5], channels=channels, depth=depth, **fit)
    same = unchanged(settings)
    assert same is not None
    image = np.random.default_rng(0).integers(0, 256, same.shape).astype(same.dtype)
    result = image
    for operation in operations(settings).values():
        result = operation(result)
    np.testing.assert_array_equal(result, image)
    assert result.dtype == image.dtype


def test_steps_and_kept_sizes_leave_no_image_as_it_is() -> None:
    assert unchanged(section(ConvertSettings, size=[6, 5], steps=["invert"])) is None
    assert unchanged(section(ConvertSettings)) is None


def test_nothing_is_done_where_all_is_kept() -> None:
    assert operations(section(ConvertSettings, channels="keep", depth="keep")) == {}
