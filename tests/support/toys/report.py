"""A report: how many findings have each status."""

from collections import Counter

import imgprep.checks.reports
from imgprep.checks.base import Report


def render(report: Report) -> str:
    """One line."""
    counts = Counter(finding.status for finding in report.findings)
    failures = "; ".join(finding.message for finding in report.findings if finding.status == "fail")
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) + f": {failures!a}\n"


def register() -> None:
    imgprep.checks.reports.REPORTS = {**imgprep.checks.reports.REPORTS, "counts": render}  # type: ignore[misc, assignment]
