"""The report for a terminal: one screen, worst first."""

from collections.abc import Sequence
from io import StringIO
from typing import Final, TypedDict, Unpack

from rich.console import Console
from rich.text import Text

from imgprep.checks.base import Finding, Report, Table, percent
from imgprep.checks.reports.common import (
    ROWS,
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
from imgprep.util.lines import breaks
from imgprep.util.lines import table as table_lines
from imgprep.util.quantity import quantity

LINES: Final = 20
"""Number of lines of findings that a terminal shows."""
_MARK: Final = 8
_RULE: Final = 21
_WIDE: Final = 100
"""From this width in columns on the messages have a column of their own."""
_MARKS: Final = (
    ("FAIL", "bold red"),
    ("WARN", "yellow"),
    ("?", "cyan"),
    ("info", "blue"),
    ("skip", "dim"),
    ("excused", "dim"),
    ("pass", "green"),
)


class Layout(TypedDict, total=False):
    """The layout of the text.

    Attributes:
        color: whether to use escape sequences; by default there are none.
        width: of the lines, in columns; by default each finding is one line.
        screen: whether at most `LINES` lines of findings are shown; by default where there is a width.
        everything: whether all findings and the tables in full are shown nevertheless.
    """

    color: bool
    width: int | None
    screen: bool
    everything: bool


def render(report: Report, **layout: Unpack[Layout]) -> str:
    """The report as lines of text, for a file or a program unless the layout says more."""
    color, width, everything = layout.get("color", False), layout.get("width"), layout.get("everything", False)
    limit = LINES if layout.get("screen", width is not None) and not everything else None
    out = StringIO()
    console = Console(file=out, force_terminal=color, color_system="standard" if color else None, highlight=False)
    head = Text(summary(report), style="bold green" if report.passed else "bold red")
    _put(console, _wrapped(head, Text(), width, 2))
    others = [finding for finding in report.findings if finding.status != "pass"]
    groups = by_rule(worst_first(_skipped_together(others)))
    blocks = {rule: [_block(each, width) for each in found] for rule, found in groups.items()}
    shown = _chosen(blocks, limit)
    for rule, lines in blocks.items():
        for block in lines[: shown[rule]]:
            _put(console, block)
    hidden = {rule: len(lines) - shown[rule] for rule, lines in blocks.items() if len(lines) > shown[rule]}
    if hidden:
        count = sum(hidden.values())
        left = ", ".join(f"{number} of {one_line(rule)}" for rule, number in hidden.items())
        said = Text(f"{quantity(count, 'more finding')}, which audit --all shows: {left}", style="dim")
        _put(console, _wrapped(said, Text(f"{'…':{_MARK}}", style="dim"), width, _MARK))
    judged = {finding.rule for finding in others}
    passed = [one_line(rule) for rule in by_rule(report.findings) if rule not in judged]
    room = None if limit is None else limit - sum(len(one) for found in blocks.values() for one in found)
    _put(console, _tables(report, width, room, everything=everything))
    if passed:
        said = Text(", ".join(passed), style="dim")
        _put(console, _wrapped(said, Text(f"{'pass':{_MARK}}", style="green"), width, _MARK))
    return out.getvalue()


def _skipped_together(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, with one in place of those of several rules that are skipped for the same reason."""
    rules: dict[str, list[str]] = {}
    for finding in findings:
        if finding.status == "skipped" and finding.subject is None:
            rules.setdefault(finding.message, []).append(finding.rule)
    joined = {message: names for message, names in rules.items() if len(names) > 1}
    told = (
        Finding(f"{len(names)} rules", "skipped", "off", message=f"{message} ({', '.join(names)})")
        for message, names in joined.items()
    )
    return [finding for finding in findings if finding.message not in joined or finding.status != "skipped"] + [*told]


def _chosen(blocks: dict[str, list[list[Text]]], limit: int | None) -> dict[str, int]:
    """Number of findings shown of each rule: first one of each, worst first, then more of the worst."""
    if limit is None:
        return {rule: len(found) for rule, found in blocks.items()}
    shown = dict.fromkeys(blocks, 0)
    left = limit
    for most in (1, limit):
        for rule, found in blocks.items():
            while shown[rule] < min(most, len(found)) and len(found[shown[rule]]) <= left:
                left -= len(found[shown[rule]])
                shown[rule] += 1
    return shown


def _block(finding: Finding, width: int | None) -> list[Text]:
    """The lines of a finding."""
    mark, style = _MARKS[rank(finding)]
    rule = Text(f"{one_line(finding.rule):{_RULE - 1}} ", style="bold" if finding.status == "fail" else "dim")
    said = Text(full_message(finding), style="")
    if finding.samples:
        said.append(f"  [{first_files(finding)}]", style="dim")
    head = Text(f"{mark:{_MARK}}", style=style)
    if width is not None and width < _WIDE:
        rule.rstrip()
        return _wrapped(Text.assemble(rule, ": ", said), head, width, _MARK)
    return _wrapped(said, head.append_text(rule), width, _MARK + _RULE)


def _tables(report: Report, width: int | None, room: int | None, *, everything: bool) -> list[Text]:
    """The lines of the tables; where the lines are counted, of those for which the findings leave room."""
    result: list[Text] = []
    for rule, table in report.tables.items():
        lines = _table(rule, table, width, len(table.rows) if everything else ROWS)
        if room is None or len(result) + len(lines) <= room:
            result += lines
    return result


def _table(rule: str, table: Table, width: int | None, limit: int) -> list[Text]:
    """The lines of a table: shares that are too small have an asterisk."""
    shown = rows_to_show(table, limit)
    cells = [
        [cell_text(cell) + ("*" if table.short(cell) else " " if isinstance(cell, float) else "") for cell in row]
        for row in shown
    ]
    marked = f"; * is under {percent(table.least)}" if table.least else ""
    said = Text(f"{one_line(rule)}: {one_line(table.title)}{marked}", style="dim")
    header = [one_line(name, 40) + (" " if number > 1 else "") for number, name in enumerate(table.columns)]
    body = table_lines(header, cells, None if width is None else width - _MARK)
    if len(shown) < len(table.rows):
        body.append(f"… and {len(table.rows) - len(shown):,} more classes, in report.json")
    return [
        *_wrapped(said, Text(f"{'table':{_MARK}}", style="dim"), width, _MARK),
        *(Text(" " * _MARK + line if line else "", style="dim") for line in body),
    ]


def _wrapped(said: Text, head: Text, width: int | None, hang: int) -> list[Text]:
    """A text between words in lines of a width, after a head; what does not fit without breaking a word stands over."""
    if width is None:
        return [Text.assemble(head, said)]
    lines = said.divide(breaks(said.plain, width - hang))
    for line in lines:
        line.rstrip()
    return [Text.assemble(head if not number else " " * hang, line) for number, line in enumerate(lines)]


def _put(console: Console, lines: Sequence[Text]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True)
