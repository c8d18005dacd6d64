"""The report for a terminal: one screen, worst first."""

from collections.abc import Sequence
from typing import Final, TypedDict, Unpack

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
from imgprep.checks.reports.styled import Styled, printed
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
    head = Styled((summary(report), "bold green" if report.passed else "bold red"))
    lines = _wrapped(head, Styled(), width, 2)
    others = [finding for finding in report.findings if finding.status != "pass"]
    groups = by_rule(worst_first(_skipped_together(others)))
    blocks = {rule: [_block(each, width) for each in found] for rule, found in groups.items()}
    shown = _chosen(blocks, limit)
    for rule, found in blocks.items():
        for block in found[: shown[rule]]:
            lines += block
    hidden = {rule: len(found) - shown[rule] for rule, found in blocks.items() if len(found) > shown[rule]}
    if hidden:
        count = sum(hidden.values())
        left = ", ".join(f"{number} of {one_line(rule)}" for rule, number in hidden.items())
        said = Styled((f"{quantity(count, 'more finding')}, which audit --all shows: {left}", "dim"))
        lines += _wrapped(said, Styled((f"{'…':{_MARK}}", "dim")), width, _MARK)
    judged = {finding.rule for finding in others}
    passed = [one_line(rule) for rule in by_rule(report.findings) if rule not in judged]
    room = None if limit is None else limit - sum(len(one) for found in blocks.values() for one in found)
    lines += _tables(report, width, room, everything=everything)
    if passed:
        said = Styled((", ".join(passed), "dim"))
        lines += _wrapped(said, Styled((f"{'pass':{_MARK}}", "green")), width, _MARK)
    return printed(lines, color=color)


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


def _chosen(blocks: dict[str, list[list[Styled]]], limit: int | None) -> dict[str, int]:
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


def _block(finding: Finding, width: int | None) -> list[Styled]:
    """The lines of a finding."""
    mark, style = _MARKS[rank(finding)]
    rule, weight = one_line(finding.rule), "bold" if finding.status == "fail" else "dim"
    said = Styled((full_message(finding), ""))
    if finding.samples:
        said += Styled((f"  [{first_files(finding)}]", "dim"))
    head = Styled((f"{mark:{_MARK}}", style))
    if width is not None and width < _WIDE:
        return _wrapped(Styled((rule.rstrip(), weight), (": ", "")) + said, head, width, _MARK)
    return _wrapped(said, head + Styled((f"{rule:{_RULE - 1}} ", f"{style} {weight}")), width, _MARK + _RULE)


def _tables(report: Report, width: int | None, room: int | None, *, everything: bool) -> list[Styled]:
    """The lines of the tables; where the lines are counted, of those for which the findings leave room."""
    result: list[Styled] = []
    for rule, table in report.tables.items():
        lines = _table(rule, table, width, len(table.rows) if everything else ROWS)
        if room is None or len(result) + len(lines) <= room:
            result += lines
    return result


def _table(rule: str, table: Table, width: int | None, limit: int) -> list[Styled]:
    """The lines of a table: shares that are too small have an asterisk."""
    shown = rows_to_show(table, limit)
    cells = [
        [cell_text(cell) + ("*" if table.short(cell) else " " if isinstance(cell, float) else "") for cell in row]
        for row in shown
    ]
    marked = f"; * is under {percent(table.least)}" if table.least else ""
    said = Styled((f"{one_line(rule)}: {one_line(table.title)}{marked}", "dim"))
    header = [one_line(name, 40) + (" " if number > 1 else "") for number, name in enumerate(table.columns)]
    body = table_lines(header, cells, None if width is None else width - _MARK)
    if len(shown) < len(table.rows):
        body.append(f"… and {len(table.rows) - len(shown):,} more classes, in report.json")
    return [
        *_wrapped(said, Styled((f"{'table':{_MARK}}", "dim")), width, _MARK),
        *(Styled((" " * _MARK + line if line else "", "dim")) for line in body),
    ]


def _wrapped(said: Styled, head: Styled, width: int | None, hang: int) -> list[Styled]:
    """A text between words in lines of a width, after a head; what does not fit without breaking a word stands over."""
    if width is None:
        return [head + said]
    lines = said.divided(breaks(said.plain, width - hang))
    return [(Styled((" " * hang, "")) if number else head) + line for number, line in enumerate(lines)]
