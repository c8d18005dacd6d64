"""The report as JUnit XML: a suite for each rule, a case for each class."""

from typing import Final
from xml.etree import ElementTree as ET

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.common import by_rule, full_message, rank
from imgprep.errors import one_line

_KINDS: Final = ("failure", None, "skipped", None, "skipped", "skipped", None)

_LONGEST: Final = 1000


def render(report: Report) -> str:
    """JUnit XML. A failing warning or info passes its case and is shown in its output: only errors fail a build."""
    root = ET.Element("testsuites", name=one_line(report.name))
    for rule, findings in by_rule(report.findings).items():
        suite = ET.SubElement(root, "testsuite", name=_text(rule))
        for finding in findings:
            _case(suite, finding)
        _count(suite, len(findings))
        suite.set("skipped", str(sum(1 for _ in suite.iter("skipped"))))
    _count(root, len(report.findings))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, finding: Finding) -> None:
    name = finding.subject if finding.subject is not None else "collection"
    case = ET.SubElement(suite, "testcase", classname=_text(finding.rule), name=_text(name), time="0")
    kind = _KINDS[rank(finding)]
    files = "\n".join(_text(one_line(sample)) for sample in finding.samples)
    if kind is not None:
        element = ET.SubElement(case, kind, message=_text(full_message(finding)))
        if kind == "failure":
            element.set("type", _text(finding.rule))
            element.text = files
    elif finding.status == "fail":
        ET.SubElement(case, "system-out").text = _text(f"{finding.severity}: {full_message(finding)}\n{files}".rstrip())


def _count(element: ET.Element, tests: int) -> None:
    failures = sum(1 for _ in element.iter("failure"))
    counts = {"tests": tests, "failures": failures, "errors": 0, "time": 0}
    for name, value in counts.items():
        element.set(name, str(value))


def _text(text: str) -> str:
    """Line by line without control characters, which XML cannot hold, not even escaped."""
    return "\n".join(one_line(line, _LONGEST) for line in text.split("\n"))
