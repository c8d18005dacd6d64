"""The report as Markdown, for the summary of a job."""

import re
from typing import Final

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.common import by_rule, first_files, full_message, rank, summary, worst_first
from imgprep.errors import one_line

ROWS: Final = 10
"""Number of findings shown of one rule."""
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]#|~])")
_MARKS: Final = ("❌ fail", "⚠️ warning", "❔ inconclusive", "💡 info", "skipped", "excused", "✅ pass")


def render(report: Report) -> str:
    """A heading, a table worst first, and the passing rules in one line."""
    lines = [f"## Audit of {escape(summary(report))}", ""]
    groups = by_rule(finding for finding in worst_first(report.findings) if finding.status != "pass")
    if groups:
        lines += ["| | rule | class | finding |", "|---|---|---|---|"]
        for rule, findings in groups.items():
            lines += [_row(finding) for finding in findings[:ROWS]]
            if len(findings) > ROWS:
                lines.append(f"| | {escape(rule)} | | … and {len(findings) - ROWS} more |")
        lines.append("")
    passed = [rule for rule in by_rule(report.findings) if rule not in groups]
    if passed:
        lines.append(f"Passed: {', '.join(map(escape, passed))}.")
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that Markdown and its HTML show as it is, on one line."""
    plain = one_line(text, 500).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", plain)


def _row(finding: Finding) -> str:
    files = first_files(finding)
    shown = escape(full_message(finding)) + (f"<br><small>{escape(files)}</small>" if files else "")
    return f"| {_MARKS[rank(finding)]} | {escape(finding.rule)} | {escape(finding.subject or '')} | {shown} |"
