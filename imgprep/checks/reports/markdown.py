"""The report as Markdown, for the summary of a job."""

import re
from collections.abc import Iterator
from typing import Final

from imgprep.checks.base import Finding, Report, Table
from imgprep.checks.reports.common import (
    by_rule,
    cell_text,
    first_files,
    full_message,
    rank,
    rows_to_show,
    summary,
    worst_first,
)
from imgprep.errors import one_line

ROWS: Final = 10
"""Number of findings shown of one rule."""
CLASSES: Final = 100
"""Number of classes shown of a table."""
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
    for rule, table in report.tables.items():
        lines += [*_table(rule, table), ""]
    passed = [rule for rule in by_rule(report.findings) if rule not in groups]
    if passed:
        lines.append(f"Passed: {', '.join(map(escape, passed))}.")
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that Markdown and its HTML show as it is, on one line."""
    plain = one_line(text, 500).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", plain)


def _table(rule: str, table: Table) -> Iterator[str]:
    """The table of a rule, folded away; shares that are too small are bold."""
    shown = rows_to_show(table, CLASSES)
    yield f"<details><summary>{escape(rule)}: {escape(table.title)}</summary>"
    yield ""
    yield f"| {' | '.join(map(escape, table.columns))} |"
    yield f"|---|{'---:|' * (len(table.columns) - 1)}"
    for row in shown:
        cells = [escape(cell_text(cell)) for cell in row]
        bold = [f"**{cell}**" if table.short(value) else cell for cell, value in zip(cells, row, strict=True)]
        yield f"| {' | '.join(bold)} |"
    yield ""
    if len(shown) < len(table.rows):
        yield f"… and {len(table.rows) - len(shown):,} more classes, in report.json"
        yield ""
    yield "</details>"


def _row(finding: Finding) -> str:
    files = first_files(finding)
    shown = escape(full_message(finding)) + (f"<br><small>{escape(files)}</small>" if files else "")
    return f"| {_MARKS[rank(finding)]} | {escape(finding.rule)} | {escape(finding.subject or '')} | {shown} |"
