"""The report as GitLab code quality JSON."""

from imgprep.checks.base import Report
from imgprep.checks.reports.common import REPORTED, dump_json, fingerprints, full_message, rank, worst_first
from imgprep.errors import one_line


def render(report: Report) -> str:
    """A list of issues: failing errors are ``critical``, failing warnings ``minor``, the others ``info``."""
    findings = [finding for finding in worst_first(report.findings) if rank(finding) <= REPORTED]
    issues = [
        {
            "description": full_message(finding),
            "check_name": one_line(finding.rule),
            "fingerprint": identity,
            "severity": ("critical", "minor", "info", "info")[rank(finding)],
            "location": {"path": report.spec or "spec.yaml", "lines": {"begin": report.line(finding.rule)}},
        }
        for finding, identity in zip(findings, fingerprints(findings), strict=True)
    ]
    return dump_json(issues)
