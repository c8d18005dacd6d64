"""The contract of every rule in the table."""

import dataclasses
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from imgprep.audit.base import Finding, Severity, Status
from imgprep.audit.rules import RULES
from imgprep.errors import one_line

DOCUMENTED = {
    "class-size": "error", "class-balance-mean": "error", "class-balance-max": "error", "label-errors": "error",
    "color-share": "error", "secondary-feature": "error", "progression": "error", "none-class": "warning",
    "license": "warning", "unreadable": "error", "duplicate": "warning", "label-conflict": "error",
    "near-duplicate": "warning", "split-leakage": "error", "split-coverage": "error", "background": "warning",
    "lighting": "warning", "perspective": "warning", "resolution": "warning", "exposure": "warning", "blur": "warning",
    "encoding": "warning",
}  # fmt: skip


def test_every_documented_rule_is_there_with_its_severity():
    assert {name: rule().severity for name, rule in RULES.items()} == DOCUMENTED


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
class TestContract:
    def test_is_a_frozen_dataclass_that_pydantic_validates(self, rule):
        assert dataclasses.is_dataclass(rule)
        with pytest.raises(dataclasses.FrozenInstanceError):
            rule().severity = "off"
        adapter = TypeAdapter(rule)
        assert adapter.validate_python({"severity": "warning"}).severity == "warning"
        with pytest.raises(ValidationError):
            adapter.validate_python({"no such key": 1})
        with pytest.raises(ValidationError):
            adapter.validate_python({"severity": "fatal"})
        adapter.json_schema()

    def test_says_where_it_comes_from(self, rule):
        assert rule.source.startswith("seeds/002 Part ")
        assert "seeds/002 Part" in rule.__doc__

    def test_documents_its_parameters(self, rule):
        for field in dataclasses.fields(rule):
            assert field.name == "severity" or f"        {field.name}:" in rule.__doc__, field.name

    @pytest.mark.parametrize("measured", [None, {"x": 0.5, "y": 0.5, "scale": 0.5}], ids=["metadata", "measured"])
    @pytest.mark.parametrize("count", [0, 1, 25])
    def test_findings_are_well_formed(self, rule, evidence, images, measured, count):
        samples = images({"\x1b[2J<b>": count, "b": count}) if count else []
        collection = evidence(samples, measured, classes=("\x1b[2J<b>", "b"))
        found = list(rule()(collection))
        assert found
        for finding in found:
            assert isinstance(finding, Finding)
            assert finding.rule == rule.id
            assert finding.status in get_args(Status)
            assert finding.severity in get_args(Severity)
            assert finding.subject in {None, *collection.classes}
            assert one_line(finding.message, 10_000).strip()
            assert isinstance(finding.observed, int | float | str | None)
            assert set(finding.samples) <= set(collection.table.id)
            assert finding.status != "skipped" or not finding.samples
