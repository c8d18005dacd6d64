import dataclasses

import pytest

from imgprep.checks.page.measures import MEASURES
from imgprep.checks.rules import RULES


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_a_measure_names_rules_and_settings_that_exist(measure):
    assert not measure.rule or measure.rule in RULES
    for setting in measure.settings:
        assert setting.name in {field.name for field in dataclasses.fields(RULES[setting.rule])}
