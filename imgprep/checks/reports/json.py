"""The report as JSON: the stable form, with its schema in ``report.schema.json``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from imgprep.checks.base import REPORT_VERSION, Finding, Report
from imgprep.checks.reports.common import dump_json
from imgprep.errors import RequestError, check_surroundings, one_line

_KEYS: Final = frozenset(
    {"rule", "status", "severity", "class", "observed", "threshold", "message", "samples", "source"}
)


def render(report: Report) -> str:
    """The report as one JSON object with a line feed at its end; undecodable names are shown escaped."""
    content = {
        "version": REPORT_VERSION,
        "name": report.name,
        "images": report.images,
        **({"augmented": report.augmented} if report.augmented else {}),
        **({"decisions": dict(report.decisions)} if report.decisions else {}),
        "passed": report.passed,
        "findings": [finding_object(finding) for finding in report.findings],
        **({"tables": {rule: asdict(table) for rule, table in report.tables.items()}} if report.tables else {}),
    }
    return dump_json(content)


def finding_object(finding: Finding) -> dict[str, Any]:
    """One finding as the contract spells it."""
    excuse = f" ({finding.excuse})" if finding.excuse else ""
    return {
        "rule": finding.rule,
        "status": finding.status,
        "severity": finding.severity,
        "class": finding.subject,
        "observed": finding.observed,
        "threshold": finding.threshold,
        "message": finding.message + excuse,
        "samples": list(finding.samples),
        "source": finding.source,
    }


def schema() -> dict[str, Any]:
    """The published JSON Schema of the report."""
    text = Path(__file__).with_name("report.schema.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def read(path: Path) -> tuple[Finding, ...]:
    """The findings of an earlier report.

    Raises:
        RequestError: this is no report, or one of a version that this imgprep does not know.
    """
    name = one_line(path)
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        check_surroundings(error, path)
        raise RequestError(f"{name}: cannot read the baseline: {error.strerror}; name a report.json") from error
    except (ValueError, RecursionError) as error:
        raise _no_report(name, "is no JSON") from error
    if not isinstance(content, dict) or not isinstance(content.get("findings"), list) or "version" not in content:
        raise _no_report(name, "has no version and findings")
    if content["version"] != REPORT_VERSION:
        version = one_line(content["version"], 40)
        raise RequestError(f"{name}: report version {version}, {REPORT_VERSION} is known; audit again")
    return tuple(_finding(name, number, item) for number, item in enumerate(content["findings"]))


def _no_report(name: str, reason: str) -> RequestError:
    return RequestError(f"{name}: no audit report: it {reason}; name a report.json of imgprep audit")


def _finding(name: str, number: int, item: object) -> Finding:
    if not isinstance(item, dict) or not item.keys() >= _KEYS:
        raise _no_report(name, f"has no finding at findings[{number}]")
    if not isinstance(item["samples"], list) or not all(isinstance(sample, str) for sample in item["samples"]):
        raise _no_report(name, f"has no list of ids at findings[{number}].samples")
    return Finding(
        rule=item["rule"],
        status=item["status"],
        severity=item["severity"],
        message=item["message"],
        subject=item["class"],
        observed=item["observed"],
        threshold=item["threshold"],
        samples=tuple(item["samples"]),
        source=item["source"],
    )
