"""The report as JSON: the stable form, with its schema in ``report.schema.json``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imgprep.checks.base import REPORT_VERSION, Finding, Report
from imgprep.checks.reports.common import dump_json
from imgprep.errors import RequestError, check_surroundings


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
    try:
        content = json.loads(path.read_bytes())
        if content["version"] != REPORT_VERSION:
            raise RequestError(f"{path}: report version {content['version']}, {REPORT_VERSION} is known; audit again")
        return tuple(_finding(item) for item in content["findings"])
    except OSError as error:
        check_surroundings(error, path)
        raise RequestError(f"{path}: cannot read the baseline: {error.strerror}; name a report.json") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{path}: no audit report ({error}); name a report.json of imgprep audit") from error


def _finding(item: dict[str, Any]) -> Finding:
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
