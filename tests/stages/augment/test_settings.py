import pytest

from imgprep.stages.augment.render import recipes
from imgprep.stages.augment.settings import AugmentSettings
from tests.support.sections import section


def test_plain_values_are_those_of_the_first_release() -> None:
    settings = section(
        AugmentSettings,
        balance="max",
        transforms=["flip"],
        mix={"invert": 0.5},
        stress=["inverted", "shifted"],
        views=2,
    )
    assert settings.values() == (
        "Amounts(per_image=None, per_class='max', mix={'invert': 0.5}, stress=('inverted', 'shifted'), views=2)"
    )
    assert list(recipes(settings)) == ["", "invert", "inverted", "shifted"]


@pytest.mark.parametrize(("given", "target"), [({"per_class": 7}, 7), ({"balance": "mean"}, "mean"), ({}, None)])
def test_classes_are_topped_up_to_one_target(given: dict[str, object], target: object) -> None:
    assert section(AugmentSettings, transforms=["flip"], views=1, **given).target == target
