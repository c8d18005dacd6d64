"""The reports that CI systems read."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from lxml import etree

from imgprep.checks.reports import github, gitlab, junit, markdown, sarif
from imgprep.checks.reports.metrics import metrics
from tests.support import official

# What GitLab asks of each issue of a code quality report; it publishes no schema.
GITLAB = {
    "type": "array",
    "items": {
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": "^(\\./|/)"}},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}


EVERY = pytest.mark.parametrize("name", ["mixed", "hostile", "long"])


@pytest.fixture(scope="module")
def validate_sarif():
    return jsonschema.Draft4Validator(official.sarif()).validate


@EVERY
def test_sarif_is_valid(name, request, validate_sarif):
    content = json.loads(sarif.render(request.getfixturevalue(name)))
    validate_sarif(content)
    with pytest.raises(jsonschema.ValidationError):
        validate_sarif({**content, "runs": [{**content["runs"][0], "tool": {}}]})


@EVERY
def test_sarif_has_what_code_scanning_asks_for(name, request):
    (run,) = json.loads(sarif.render(request.getfixturevalue(name)))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rule[key]["text"] for rule in rules for key in ("shortDescription", "fullDescription", "help"))
    assert all(rule["defaultConfiguration"]["level"] in {"error", "warning", "note"} for rule in rules)
    hashes = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        hashes.add(result["partialFingerprints"]["primaryLocationLineHash"])
        places = [result["locations"][0], *result.get("relatedLocations", [])]
        assert all(re.fullmatch("[!-~]+", each["physicalLocation"]["artifactLocation"]["uri"]) for each in places)
    assert len(hashes) == len(run["results"])


def test_sarif_leaves_out_what_github_would_refuse(mixed, monkeypatch):
    monkeypatch.setattr(sarif, "RESULTS", 2)
    (run,) = json.loads(sarif.render(mixed))["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["class-balance-max", "blur"]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("3 more findings")


def test_sarif_names_the_spec_from_the_root_of_the_repository(mixed):
    def uri(spec):
        (run,) = json.loads(sarif.render(replace(mixed, spec=spec)))["runs"]
        return run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

    assert uri("configs/a b.yaml") == "configs/a%20b.yaml"
    assert uri("/elsewhere/x.yaml") == "file:///elsewhere/x.yaml"


@EVERY
def test_gitlab_is_valid(name, request):
    issues = json.loads(gitlab.render(replace(request.getfixturevalue(name), spec="configs/fruits.yaml")))
    jsonschema.validate(issues, GITLAB)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_sarif(mixed):
    (run,) = json.loads(sarif.render(mixed))["runs"]
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("class-balance-max", "error"), ("blur", "warning"), ("near-duplicate", "warning"),
        ("label-errors", "note"), ("unreadable", "warning"),
    ]  # fmt: skip
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 14}
    assert run["results"][1]["locations"][0]["physicalLocation"]["region"] == {"startLine": 9}
    assert run["results"][4]["suppressions"] == [{"kind": "external", "justification": "waived: known"}]
    assert {r["level"] for r in run["results"] if "suppressions" in r} == {"warning"}


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
    assert len(lines) == 1 + 5 * 3


def test_junit(mixed):
    root = ET.fromstring(junit.render(mixed).encode())
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures")) == ("7", "1")
    assert sum(int(suite.get("skipped")) for suite in root) == 3
    cases = {case.get("classname"): case for case in root.iter("testcase")}
    assert [child.tag for child in cases["class-balance-max"]] == ["failure"]
    assert [child.tag for child in cases["blur"]] == ["system-out"]
    assert list(cases["class-size"]) == []
    assert cases["near-duplicate"].get("name") == "collection"


@EVERY
def test_junit_is_valid(name, request):
    schema = etree.XMLSchema(etree.parse(official.place(*official.JUNIT)))
    document = etree.fromstring(junit.render(request.getfixturevalue(name)).encode())
    schema.assertValid(document)
    document.set("skipped", "1")  # an attribute of a suite, not of all suites
    assert not schema.validate(document)


@EVERY
def test_junit_counts_its_cases(name, request):
    root = ET.fromstring(junit.render(request.getfixturevalue(name)).encode())
    for suite in root:
        assert suite.tag == "testsuite"
        assert int(suite.get("tests")) == len(suite)
        for kind in ("failures", "skipped"):
            assert int(suite.get(kind)) == len(suite.findall(f".//{kind.removesuffix('s')}"))
    assert int(root.get("tests")) == sum(len(suite) for suite in root)


def test_markdown(mixed):
    text = markdown.render(mixed)
    assert text.startswith("## Audit of fruits: FAILED")
    assert "| ❌ fail | class-balance-max | plum | plum is 5 % of apple |" in text
    assert text.rstrip().endswith("Passed: class-size.")


def test_markdown_tables_keep_their_columns(hostile, long):
    for report in (hostile, long):
        findings, *measured = re.split(r"<details>.*\n", markdown.render(report))
        assert len(measured) == len(report.tables)
        for table, columns in ((findings, 4), *((each, 3) for each in measured)):
            rows = [line for line in table.splitlines() if line.startswith("|")]
            assert {line.replace("\\|", "").count("|") for line in rows} == {columns + 1}


def test_metrics_are_flat_numbers(mixed, hostile):
    found = metrics(mixed)
    assert found["passed"] == 0
    assert found["images"] == 12
    assert found["class_size_min"] == 5
    assert found["findings.errors"] == 1
    assert (found["blur.failures"], found["blur.files"], found["unreadable.failures"]) == (1, 2, 0)
    assert all(isinstance(value, int | float) for value in {**found, **metrics(hostile)}.values())
