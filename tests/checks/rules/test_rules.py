"""The contract of every rule in the table."""

import dataclasses
import inspect
import re

import pytest

from imgprep.checks.rules import RULES
from imgprep.settings.binding import adapter_of, bind
from imgprep.settings.problems import SpecError
from imgprep.settings.tables import Context
from imgprep.testing.rules import check_rule

DOCUMENTED = {
    "class-size": "error", "class-balance-mean": "error", "class-balance-max": "error", "label-errors": "error",
    "color-share": "error", "secondary-feature": "error", "progression": "error", "none-class": "info",
    "license": "warning", "unreadable": "error", "duplicate": "warning", "label-conflict": "error",
    "near-duplicate": "warning", "split-leakage": "error", "split-coverage": "error", "background": "warning",
    "lighting": "warning", "perspective": "warning", "resolution": "warning", "exposure": "warning", "blur": "warning",
    "encoding": "warning", "drift": "warning", "packed-values": "error", "packed-counts": "error",
    "packed-evaluation": "error", "packed-statistics": "error", "feature-outlier": "warning",
    "feature-duplicate": "warning",
}  # fmt: skip


def test_every_documented_rule_is_there_with_its_severity():
    assert {name: rule().severity for name, rule in RULES.items()} == DOCUMENTED


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
class TestContract:
    def test_is_a_frozen_dataclass_that_pydantic_validates(self, rule):
        assert dataclasses.is_dataclass(rule)
        with pytest.raises(dataclasses.FrozenInstanceError):
            rule().severity = "off"
        assert bind(rule, {"severity": "warning"}, Context()) == rule(severity="warning")
        with pytest.raises(SpecError, match="unknown key 'no such key'"):
            bind(rule, {"no such key": 1}, Context())
        with pytest.raises(SpecError, match="severity: expected error, warning, info or off, not 'fatal'"):
            bind(rule, {"severity": "fatal"}, Context())
        adapter_of(rule).json_schema()

    def test_says_where_it_comes_from(self, rule):
        assert re.fullmatch(r"Handbook, part [5-8] \([a-z ]+\)", rule.source)
        assert "Handbook, part" in rule.__doc__

    def test_documents_its_parameters(self, rule):
        documented = inspect.cleandoc(rule.__doc__)  # Python 3.13 has taken the indentation off already
        for field in dataclasses.fields(rule):
            assert field.name == "severity" or f"\n    {field.name}:" in documented, field.name

    def test_findings_are_well_formed(self, rule):
        check_rule(rule())
