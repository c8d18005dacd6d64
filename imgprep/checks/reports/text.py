"""The report for a terminal: one screen, worst first."""

import re
from collections.abc import Sequence
from io import StringIO
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.common import by_rule, first_files, full_message, rank, summary, worst_first
from imgprep.errors import one_line

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


def render(report: Report, *, color: bool = False, width: int | None = None, everything: bool = False) -> str:
    """The report as lines of text, without escape sequences unless asked for colour.

    Args:
        report: the findings.
        color: whether to use escape sequences.
        width: of the terminal, in columns; None is for a file or a program: one line for each finding, none left out.
        everything: whether a terminal gets more than `LINES` lines of findings.
    """
    out = StringIO()
    console = Console(file=out, force_terminal=color, color_system="standard" if color else None, highlight=False)
    head = Text(summary(report), style="bold green" if report.passed else "bold red")
    _put(console, _wrapped(head, Text(), width, 2))
    groups = by_rule(worst_first(finding for finding in report.findings if finding.status != "pass"))
    blocks = {rule: [_block(each, width) for each in found] for rule, found in groups.items()}
    shown = _chosen(blocks, None if width is None or everything else LINES)
    for rule, lines in blocks.items():
        for block in lines[: shown[rule]]:
            _put(console, block)
    hidden = {rule: len(lines) - shown[rule] for rule, lines in blocks.items() if len(lines) > shown[rule]}
    if hidden:
        count = sum(hidden.values())
        left = ", ".join(f"{number} of {one_line(rule)}" for rule, number in hidden.items())
        said = Text(f"{count} more finding{'s' * (count != 1)}, which audit --all shows: {left}", style="dim")
        _put(console, _wrapped(said, Text(f"{'…':{_MARK}}", style="dim"), width, _MARK))
    passed = [one_line(rule) for rule in by_rule(report.findings) if rule not in groups]
    if passed:
        said = Text(", ".join(passed), style="dim")
        _put(console, _wrapped(said, Text(f"{'pass':{_MARK}}", style="green"), width, _MARK))
    return out.getvalue()


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
        return _wrapped(Text.assemble(rule, " ", said), head, width, _MARK)
    return _wrapped(said, head.append_text(rule), width, _MARK + _RULE)


def _wrapped(said: Text, head: Text, width: int | None, hang: int) -> list[Text]:
    """A text between words in lines of a width, after a head; what does not fit without breaking a word stands over."""
    if width is None:
        return [Text.assemble(head, said)]
    lines = said.divide(_breaks(said.plain, width - hang))
    for line in lines:
        line.rstrip()
    return [Text.assemble(head if not number else " " * hang, line) for number, line in enumerate(lines)]


def _breaks(said: str, width: int) -> list[int]:
    """Offsets at which lines of a width in columns begin, without the first; words are never broken."""
    starts: list[int] = []
    used = 0
    for word in re.finditer(r"\S+\s*", said):
        columns = cell_len(word[0].rstrip())
        if used and used + columns > width:
            starts.append(word.start())
            used = 0
        used += columns + len(word[0]) - len(word[0].rstrip())
    return starts


def _put(console: Console, lines: Sequence[Text]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True)
