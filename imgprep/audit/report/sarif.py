"""The report as SARIF 2.1.0, for code scanning."""

from typing import Any, Final
from urllib.parse import quote

from imgprep.audit.base import Finding, Report
from imgprep.audit.report.common import by_rule, dump_json, fingerprints, told, worst_first
from imgprep.version import __version__

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FILES: Final = 20
"""How many files a result lists; the JSON report has them all."""


def render(report: Report) -> str:
    """One run with the failing and inconclusive findings as results; excused ones are suppressed."""
    results = [finding for finding in worst_first(report.findings) if finding.status in {"fail", "inconclusive"}]
    rules = [
        {"id": rule, "shortDescription": {"text": rule}, "properties": {"source": findings[0].source}}
        for rule, findings in by_rule(results).items()
    ]
    driver = {"name": "imgprep", "version": __version__, "rules": rules}
    content = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(report, finding, identity)
                    for finding, identity in zip(results, fingerprints(results), strict=True)
                ],
            }
        ],
    }
    return dump_json(content)


def _result(report: Report, finding: Finding, identity: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(report.spec or "spec.yaml")}}
    location["region"] = {"startLine": report.line(finding.rule)}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": _level(finding),
        "message": {"text": told(finding)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"imgprep/v1": identity},
    }
    if finding.samples:
        result["relatedLocations"] = [
            {"physicalLocation": {"artifactLocation": {"uri": _uri(sample)}}} for sample in finding.samples[:FILES]
        ]
    if finding.excuse:
        result["suppressions"] = [{"kind": "external", "justification": finding.excuse}]
    return result


def _level(finding: Finding) -> str:
    if finding.status == "inconclusive":
        return "note"
    return "error" if finding.severity == "error" else "warning"


def _uri(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"))
