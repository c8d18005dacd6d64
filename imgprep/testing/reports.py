"""The contract of reports."""

import re
from collections.abc import Callable
from typing import Final

from imgprep.checks.base import Finding, Report, Severity, Status, Table

CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff]")
ODD_TEXTS: Final = (
    "<script>alert(1)</script>",
    "a\x1b[31mb\x00\n::error::x",
    "\udcff\u202e\u2028",
    'it\'s | `*_[x](y)_*` & "q" ]]>',
    "",
)
"""File names and labels that a report must show as text."""


def odd_report() -> Report:
    """A report with odd texts wherever one takes text."""
    verdicts: tuple[tuple[Status, Severity], ...] = (
        ("fail", "error"), ("fail", "off"), ("fail", "info"), ("inconclusive", "warning"), ("pass", "error"),
    )  # fmt: skip
    findings = tuple(
        Finding(rule or "r", status, severity, text, text, text, f"says {text}", ODD_TEXTS, text, text)
        for rule, text in zip(ODD_TEXTS, reversed(ODD_TEXTS), strict=True)
        for status, severity in verdicts
    )
    tables = {
        text or "r": Table(text, (text, text, "n"), tuple((each, 0.5, 3) for each in ODD_TEXTS), 0.7, text)
        for text in ODD_TEXTS
    }
    return Report(ODD_TEXTS[0], 3, findings, dict.fromkeys(ODD_TEXTS, 3), ODD_TEXTS[3], {"audit": 2}, tables=tables)


def check_report(render: Callable[[Report], str]) -> None:
    """Holds a format of report to its contract.

    It says what fails, ends with a line feed, is the same each time, takes an empty report, and prints nothing that
    steers a terminal or cannot be encoded.

    Args:
        render: a report to text.

    Raises:
        AssertionError: it breaks the contract.
    """
    failing = Report(
        "fruits",
        12,
        (Finding("blur", "fail", "error", "plum", 2, 0, "too soft", ("plum/1.jpg",)),),
        {"apple": 7, "plum": 5},
    )
    assert "too soft" in render(failing), "a failure is not said"
    odd = odd_report()
    for report in (failing, odd, Report("", 0, ())):
        text = render(report)
        assert text.endswith("\n"), "no line feed at the end"
        assert text == render(report), "the second rendering differs"
    text = render(odd)
    text.encode()
    assert not CONTROL.search(text), "control characters are printed"
