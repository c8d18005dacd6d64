"""The report as GitHub workflow commands: annotations on the lines of the spec."""

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.common import REPORTED, first_files, full_message, rank, summary, worst_first
from imgprep.errors import one_line


def render(report: Report) -> str:
    """One command for each failing or inconclusive finding, and the summary as plain text."""
    shown = [finding for finding in worst_first(report.findings) if rank(finding) <= REPORTED]
    return "".join(f"{_command(report, finding)}\n" for finding in shown) + summary(report) + "\n"


def _command(report: Report, finding: Finding) -> str:
    kind = ("error", "warning", "notice", "notice")[rank(finding)]
    files = first_files(finding)
    message = full_message(finding) + (f" [{files}]" if files else "")
    place = f"file={_property(one_line(report.spec))},line={report.line(finding.rule)}," if report.spec else ""
    return f"::{kind} {place}title={_property(one_line(finding.rule))}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as a command's message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escaped as a command's property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
