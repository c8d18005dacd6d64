import pytest

from imgprep.settings.problems import SpecError
from imgprep.settings.tables import pick
from imgprep.spec.installed import INSTALLED


@pytest.mark.parametrize("name", ["flap", 5, None, ["flip"]])
def test_only_what_is_in_the_table_is_picked(name: object) -> None:
    assert pick({"flip": 1}, "flip", "transform") == 1
    with pytest.raises(SpecError, match="unknown transform"):
        pick({"flip": 1}, name, "transform")


def test_the_real_limits_name_the_field_first() -> None:
    rotate = INSTALLED.transforms["rotate"]

    assert INSTALLED.limits(rotate(degrees=(-1.0, 1.0))) == []
    assert [text.partition(": ")[0] for text in INSTALLED.limits(rotate(degrees=(-170.0, 170.0)))] == ["rotate.degrees"]
