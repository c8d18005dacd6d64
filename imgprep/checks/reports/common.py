"""Order, words and safe text, shared by the reports."""

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from imgprep.checks.base import Finding, Report, Table, percent
from imgprep.errors import one_line
from imgprep.pipeline.decided import counted
from imgprep.util.quantity import quantity

FIRST: Final = 3
"""Number of files that a text report names."""
REPORTED: Final = 3
"""The highest rank of findings that say something of the collection; those beyond are skipped, excused or pass."""
ROWS: Final = 12
"""Number of rows shown of a table where more would bury the findings."""
Cell = str | float | None
_PIECES: Final = 4096
"""Pieces of JSON that are joined at once."""
_UNSAFE: Final = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def rank(finding: Finding) -> int:
    """0 for a failing error, 1 for a failing warning, then inconclusive, a failing info, skipped, excused, passing."""
    if finding.status == "fail":
        return {"error": 0, "warning": 1, "info": 3, "off": 5}[finding.severity]
    return {"inconclusive": 2, "skipped": 4, "pass": 6}[finding.status]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By rank, otherwise in the order given."""
    return sorted(findings, key=rank)


def by_rule(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """The findings of each rule, in the order given."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    return groups


def totals(report: Report) -> Mapping[str, int]:
    """Counts the findings of each kind."""
    names = ("errors", "warnings", "inconclusive", "infos", "skipped", "excused", "passed")
    counted = Counter(rank(finding) for finding in report.findings)
    return {name: counted[number] for number, name in enumerate(names)}


def summary(report: Report) -> str:
    """One line: the verdict and the totals."""
    said = ", ".join(f"{count} {_plural(name, count)}" for name, count in totals(report).items() if count)
    images = quantity(report.images)
    images += f" + {report.augmented} augmented" if report.augmented else ""
    images += f"; decisions: {counted(report.decisions)}" if report.decisions else ""
    return f"{one_line(report.name)}: {'passed' if report.passed else 'FAILED'} ({images}; {said or 'no findings'})"


def _plural(name: str, count: int) -> str:
    return name[:-1] if count == 1 and name in {"errors", "warnings", "infos"} else name


def full_message(finding: Finding) -> str:
    """The message with what excuses it, on one line and without control characters."""
    return one_line(finding.message + (f" ({finding.excuse})" if finding.excuse else ""), 500)


def first_files(finding: Finding, limit: int = FIRST) -> str:
    """The first few ids and how many more there are; '' when there are none."""
    shown = ", ".join(one_line(sample, 120) for sample in finding.samples[:limit])
    more = len(finding.samples) - limit
    return shown + (f" and {more} more" if more > 0 else "")


def rows_to_show(table: Table, limit: int) -> Sequence[Sequence[Cell]]:
    """The rows of a table, in its order; where there are more than a limit, those with the smallest shares first."""
    if len(table.rows) <= limit:
        return table.rows
    return sorted(table.rows, key=lambda row: min((cell for cell in row if isinstance(cell, float)), default=1.0))[
        :limit
    ]


def cell_text(cell: Cell) -> str:
    """A cell of a table for people: a share in percent, '' for none."""
    if cell is None:
        return ""
    return percent(cell) if isinstance(cell, float) else one_line(cell, 120)


def dump_json(content: object) -> str:
    """JSON that a terminal can show: text stays readable, control and direction characters are escaped."""
    pieces = json.JSONEncoder(indent=1, ensure_ascii=False, allow_nan=False).iterencode(content)
    text = io.StringIO()  # the pieces of a large report, all at once, would take several times the memory of the text
    while joined := "".join(islice(pieces, _PIECES)):
        text.write(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", joined))
    text.write("\n")
    return text.getvalue()


def fingerprint(finding: Finding) -> str:
    """The identity of a finding from one audit to the next: its rule, class and, within a class, its files."""
    identity = (finding.rule, finding.subject, finding.samples if finding.subject is None else finding.samples[:1])
    return hashlib.sha256(repr(identity).encode("utf-8", "backslashreplace")).hexdigest()


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """The `fingerprint` of each finding, made different where a rule says several things of the same."""
    seen: Counter[str] = Counter()
    result = []
    for finding in findings:
        identity = fingerprint(finding)
        count = seen[identity]
        seen[identity] += 1
        result.append(hashlib.sha256(f"{identity} {count}".encode()).hexdigest() if count else identity)
    return result
