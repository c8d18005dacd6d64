import json

import jsonschema
import pytest

from imgprep.checks.base import Report
from imgprep.checks.reports.json import read, render, schema
from imgprep.errors import RequestError


@pytest.mark.parametrize("name", ["mixed", "hostile"])
def test_validates_against_its_schema(name, request):
    content = json.loads(render(request.getfixturevalue(name)))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(content, schema())


def test_is_what_the_contract_says(mixed):
    content = json.loads(render(mixed))
    assert list(content) == ["version", "name", "images", "passed", "findings"]
    assert (content["version"], content["name"], content["images"], content["passed"]) == (1, "fruits", 12, False)
    assert content["findings"][1] == {
        "rule": "blur", "status": "fail", "severity": "warning", "class": "plum", "observed": 2, "threshold": 0,
        "message": "too soft", "samples": ["plum/1.jpg", "plum/2.jpg"], "source": "Handbook, part 5",
    }  # fmt: skip
    assert content["findings"][2]["class"] is None
    assert content["findings"][4]["message"] == "cannot be used (waived: known)"
    assert len(content["findings"]) == 7


def test_reads_back_as_a_baseline(tmp_path, mixed):
    path = tmp_path / "report.json"
    path.write_text(render(mixed), "utf-8")
    again = read(path)
    assert [(f.rule, f.status, f.subject, f.samples) for f in again] == [
        (f.rule, f.status, f.subject, f.samples) for f in mixed.findings
    ]


def test_names_survive(tmp_path, hostile):
    path = tmp_path / "report.json"
    path.write_text(render(hostile), "utf-8")
    assert [f.samples for f in read(path)] == [f.samples for f in hostile.findings]


@pytest.mark.parametrize(
    "text", [None, "", "[]", '{"version": 1}', '{"version": 1, "findings": [{}]}', '{"version": 7}']
)
def test_no_report(tmp_path, text):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(RequestError, match=r"report\.json"):
        read(path)


def test_text_stays_readable():
    assert "Äpfel" in render(Report("Äpfel", 0, ()))
