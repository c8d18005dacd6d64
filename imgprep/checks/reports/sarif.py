"""The report as SARIF 2.1.0, for code scanning."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.common import by_rule, dump_json, fingerprints, full_message, rank, worst_first
from imgprep.errors import one_line
from imgprep.version import __version__

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FILES: Final = 20
"""Number of files that a result lists; the JSON report has them all."""
RESULTS: Final = 25_000
"""GitHub refuses a run with more results."""
BASE: Final = "SOURCE"
"""The base of the paths of images: the source of the collection, wherever that is."""


def render(report: Report) -> str:
    """One run with the failing and inconclusive findings as results, worst first; excused ones are suppressed."""
    found = [finding for finding in worst_first(report.findings) if finding.status in {"fail", "inconclusive"}]
    results = found[:RESULTS]
    groups = by_rule(results)
    index = {rule: place for place, rule in enumerate(groups)}
    driver = {
        "name": "imgprep",
        "version": __version__,
        "rules": [_rule(rule, findings) for rule, findings in groups.items()],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"imgprep/{_uri(one_line(report.name))}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {BASE: {"description": {"text": "the source of the collection"}}},
        "invocations": [_invocation(len(found) - len(results))],
        "results": [
            _result(report, finding, index, identity)
            for finding, identity in zip(results, fingerprints(results), strict=True)
        ],
    }
    return dump_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The description of a rule that code scanning shows with each of its results."""
    source = one_line(findings[0].source)
    says = f"{one_line(rule)}, a rule of imgprep audit" + (f" (from {source})" if source else "")
    return {
        "id": rule,
        "name": rule,
        "shortDescription": {"text": one_line(rule) or "a rule without a name"},
        "fullDescription": {"text": says},
        "help": {"text": f"{says}. Its settings are under audit.rules of the spec."},
        "defaultConfiguration": {"level": _level(min(findings, key=rank))},
        "properties": {"source": source},
    }


def _invocation(left_out: int) -> dict[str, Any]:
    """Records that the audit ended, and what of it is not in the file."""
    if not left_out:
        return {"executionSuccessful": True}
    text = f"{left_out} more findings, the least of all, are in the JSON report only"
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}],
    }


def _result(report: Report, finding: Finding, index: Mapping[str, int], identity: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(report.spec or "spec.yaml")}}
    location["region"] = {"startLine": report.line(finding.rule)}
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _level(finding),
        "message": {"text": full_message(finding)},
        "locations": [{"physicalLocation": location}],
        # Of the names of fingerprints GitHub looks at this one alone; many findings stand on the same line.
        "partialFingerprints": {"primaryLocationLineHash": identity},
    }
    if finding.samples:
        result["relatedLocations"] = [
            {"physicalLocation": {"artifactLocation": {"uri": _uri(f"./{sample}"), "uriBaseId": BASE}}}
            for sample in dict.fromkeys(finding.samples[:FILES])
        ]
    if finding.excuse:
        result["suppressions"] = [{"kind": "external", "justification": finding.excuse}]
    return result


def _level(finding: Finding) -> str:
    if finding.status == "inconclusive" or finding.severity == "info":
        return "note"
    return "error" if finding.severity == "error" else "warning"


def _uri(path: str) -> str:
    return ("file://" if path.startswith("/") else "") + quote(path.encode("utf-8", "surrogateescape"))
