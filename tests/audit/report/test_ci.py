"""The reports that CI systems read."""

import json
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from imgprep.audit.report import github, gitlab, junit, markdown, sarif
from imgprep.audit.report.metrics import metrics

LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {"properties": {"uri": {"type": "string", "pattern": "^[!-~]*$"}}},
                "region": {"properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
        }
    },
}
# What SARIF 2.1.0 asks of the parts that the report uses (sections 3.13 to 3.35).
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name"],
                                "properties": {"rules": {"uniqueItems": True, "items": {"required": ["id"]}}},
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "level", "locations"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"required": ["text"], "properties": {"text": {"type": "string"}}},
                                "locations": {"type": "array", "items": LOCATION},
                                "relatedLocations": {"type": "array", "uniqueItems": True, "items": LOCATION},
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                                "suppressions": {"items": {"properties": {"kind": {"enum": ["inSource", "external"]}}}},
                            },
                        },
                    },
                },
            },
        },
    },
}
GITLAB = {
    "type": "array",
    "items": {
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "required": ["path", "lines"],
                "properties": {"lines": {"properties": {"begin": {"type": "integer", "minimum": 1}}}},
            },
        },
    },
}


@pytest.mark.parametrize("name", ["mixed", "hostile"])
def test_sarif_and_gitlab_are_valid(name, request):
    report = request.getfixturevalue(name)
    jsonschema.validate(json.loads(sarif.render(report)), SARIF)
    jsonschema.validate(json.loads(gitlab.render(report)), GITLAB)


def test_sarif(mixed):
    (run,) = json.loads(sarif.render(mixed))["runs"]
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("class-balance-max", "error"), ("blur", "warning"), ("near-duplicate", "warning"),
        ("label-errors", "note"), ("unreadable", "warning"),
    ]  # fmt: skip
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 14}
    assert run["results"][1]["locations"][0]["physicalLocation"]["region"] == {"startLine": 9}
    assert run["results"][4]["suppressions"] == [{"kind": "external", "justification": "waived: known"}]
    assert len({r["partialFingerprints"]["imgprep/v1"] for r in run["results"]}) == 5


def test_gitlab(mixed):
    issues = json.loads(gitlab.render(mixed))
    assert [issue["severity"] for issue in issues] == ["critical", "minor", "minor", "info"]
    assert issues[0]["location"] == {"path": "configs/fruits.yaml", "lines": {"begin": 14}}


def test_github(mixed):
    lines = github.render(mixed).splitlines()
    assert lines[0] == "::error file=configs/fruits.yaml,line=14,title=class-balance-max::plum is 5 %25 of apple"
    assert [line.split()[0] for line in lines[1:4]] == ["::warning", "::warning", "::notice"]
    assert lines[4].startswith("fruits: FAILED")


def test_github_commands_cannot_be_smuggled_in(hostile):
    lines = github.render(hostile).splitlines()
    assert all(line.startswith(("::error ", "::notice ")) for line in lines[:-1])
    assert len(lines) == 1 + 5 * 2


def test_junit(mixed):
    root = ET.fromstring(junit.render(mixed).encode())
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("7", "1", "3")
    cases = {case.get("classname"): case for case in root.iter("testcase")}
    assert [child.tag for child in cases["class-balance-max"]] == ["failure"]
    assert [child.tag for child in cases["blur"]] == ["system-out"]
    assert list(cases["class-size"]) == []
    assert cases["near-duplicate"].get("name") == "collection"


@pytest.mark.parametrize("name", ["mixed", "hostile", "long"])
def test_junit_is_well_formed(name, request):
    root = ET.fromstring(junit.render(request.getfixturevalue(name)).encode())
    for suite in root:
        assert suite.tag == "testsuite"
        assert {"name", "tests", "failures", "errors", "skipped"} <= set(suite.keys())
        assert int(suite.get("tests")) == len(suite)
        for case in suite:
            assert {child.tag for child in case} <= {"failure", "skipped", "system-out"}
    assert int(root.get("tests")) == sum(len(suite) for suite in root)


def test_markdown(mixed):
    text = markdown.render(mixed)
    assert text.startswith("## Audit of fruits: FAILED")
    assert "| ❌ fail | class-balance-max | plum | plum is 5 % of apple |" in text
    assert text.rstrip().endswith("Passed: class-size.")


def test_markdown_tables_keep_their_columns(hostile, long):
    for report in (hostile, long):
        rows = [line for line in markdown.render(report).splitlines() if line.startswith("|")]
        assert {line.replace("\\|", "").count("|") for line in rows} == {5}


def test_metrics_are_flat_numbers(mixed, hostile):
    found = metrics(mixed)
    assert found["passed"] == 0
    assert found["images"] == 12
    assert found["class_size_min"] == 5
    assert found["findings.errors"] == 1
    assert (found["blur.failures"], found["blur.files"], found["unreadable.failures"]) == (1, 2, 0)
    assert all(isinstance(value, int | float) for value in {**found, **metrics(hostile)}.values())
