"""The report for a terminal: one screen, worst first."""

from io import StringIO
from typing import Final

from rich.console import Console
from rich.text import Text

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.common import by_rule, first_files, full_message, rank, summary, worst_first
from imgprep.errors import one_line

LINES: Final = 24
"""About how many findings a screen holds."""
_MARKS: Final = (
    ("FAIL", "bold red"),
    ("WARN", "yellow"),
    ("?", "cyan"),
    ("skip", "dim"),
    ("excused", "dim"),
    ("pass", "green"),
)


def render(report: Report, *, color: bool = False, width: int = 110) -> str:
    """The report as lines of text, without escape sequences unless asked for colour."""
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    console.print(Text(summary(report), style="bold green" if report.passed else "bold red"))
    groups = by_rule(worst_first(finding for finding in report.findings if finding.status != "pass"))
    limit = max(1, LINES // max(1, len(groups)))
    for findings in groups.values():
        for finding in findings[:limit]:
            console.print(_line(finding), soft_wrap=not color)
        if len(findings) > limit:
            rest = len(findings) - limit
            more = f"… and {rest} more finding{'' if rest == 1 else 's'} of {one_line(findings[0].rule)}"
            console.print(Text(f"{'':8}{more}", style="dim"))
    passed = [one_line(rule) for rule in by_rule(report.findings) if rule not in groups]
    if passed:
        console.print(Text("pass    ", style="green").append(", ".join(passed), style="dim"))
    return out.getvalue()


def _line(finding: Finding) -> Text:
    mark, style = _MARKS[rank(finding)]
    line = Text(f"{mark:8}", style=style)
    line.append(f"{one_line(finding.rule):20} ", style="bold" if finding.status == "fail" else "dim")
    line.append(full_message(finding), style="")
    if finding.samples:
        line.append(f"  [{first_files(finding)}]", style="dim")
    return line
