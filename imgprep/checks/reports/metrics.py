"""The report as flat numbers, for ``dvc metrics`` and charts over time."""

from imgprep.checks.base import Report
from imgprep.checks.reports.common import by_rule, totals


def metrics(report: Report) -> dict[str, int | float]:
    """Totals, the extremes of the class sizes, and for each rule its failures, files and extreme observed values."""
    result: dict[str, int | float] = {"images": report.images, "passed": int(report.passed), **_totals(report)}
    if report.augmented:
        result["augmented"] = report.augmented
    result |= {f"decisions.{what}": count for what, count in report.decisions.items()}
    if report.counts:
        result["classes"] = len(report.counts)
        result["class_size_min"] = min(report.counts.values())
        result["class_size_max"] = max(report.counts.values())
    for rule, findings in by_rule(report.findings).items():
        failing = [finding for finding in findings if finding.status == "fail" and finding.severity != "off"]
        result[f"{rule}.failures"] = len(failing)
        result[f"{rule}.files"] = len({sample for finding in failing for sample in finding.samples})
        observed = [finding.observed for finding in findings if isinstance(finding.observed, int | float)]
        if observed:
            result[f"{rule}.observed_min"], result[f"{rule}.observed_max"] = min(observed), max(observed)
    return result


def _totals(report: Report) -> dict[str, int]:
    return {f"findings.{name}": count for name, count in totals(report).items()}
