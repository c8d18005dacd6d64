import pytest
from pydantic import ValidationError

from imgprep.stages.pack.settings import PackSettings
from imgprep.transforms.normalize import FITTED, KINDS
from tests.support.sections import section

FORMS = [
    *("none", "unit", "symmetric", "minmax", "percentile", "samplewise", "keras-tf", "keras-caffe", "torch-imagenet"),
    *({"standardize": axis} for axis in ("global", "channel", "pixel", "samplewise", {"pixel": "per_position"})),
    *({"center": axis} for axis in ("global", "channel", "pixel", "samplewise")),
]


def test_normalisations_have_one_name() -> None:
    settings = [section(PackSettings, normalize=form) for form in FORMS]
    assert {one.kind for one in settings} == set(KINDS)
    assert {one.kind for one in settings if one.fitted} == FITTED


def test_groups_need_a_format_that_has_them() -> None:
    with pytest.raises(ValidationError, match="by_class needs groups, which npz has not"):
        section(PackSettings, layout="by_class", format="npz")


def test_plain_values_are_what_decides() -> None:
    plain = {"layout": "flat", "dtype": "float32", "normalize": "unit", "labels": "index", "shuffle": True}
    assert section(PackSettings, statistics="all").values() == plain
    fitted = section(PackSettings, normalize={"standardize": "pixel"}, statistics="all").values()
    assert fitted == plain | {"normalize": "standardize-pixel", "statistics": "all"}
