from dataclasses import replace

import pytest

from imgprep.checks.base import Finding
from imgprep.checks.reports.text import render


def test_worst_first(mixed):
    lines = render(mixed).splitlines()
    marks = [line.split()[0] for line in lines[1:]]
    assert lines[0] == "fruits: FAILED (12 images; 1 error, 2 warnings, 1 inconclusive, 1 skipped, 1 excused, 1 passed)"
    assert marks == ["FAIL", "WARN", "WARN", "?", "skip", "excused", "pass"]
    assert lines[2].endswith("too soft  [plum/1.jpg, plum/2.jpg]")


def test_fits_a_screen(long):
    lines = render(long, width=80).splitlines()
    findings = [line for line in lines if line.startswith(("FAIL", "  "))]
    assert len(findings) <= 21  # 20 lines of findings, and the rest of the line that says how many more there are
    assert "and 197 more" in "".join(lines)
    assert "more findings, which audit --all shows:" in "".join(lines)
    assert all(rule in "".join(findings[:20]) for rule in ("blur", "exposure", "near-duplicate"))


def test_all_findings_are_shown_on_request_and_to_programs(long):
    assert sum(line.startswith("FAIL") for line in render(long, width=80, everything=True).splitlines()) == 900
    assert [line[:4] for line in render(long).splitlines()[1:]] == ["FAIL"] * 900


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_hang_and_no_word_is_broken(mixed, width):
    said = "a-name-with-dashes is said of pictures whose names are long " * 4 + "x" * 130
    report = replace(mixed, findings=(Finding("near-duplicate", "fail", "warning", None, message=said),))
    lines = render(report, width=width).splitlines()
    found = [line for line in lines if not line.startswith(("fruits", "  (", "  1"))]
    colon = ":" if width < 100 else ""  # a wide terminal has a column for the rule
    assert " ".join(" ".join(found).split()) == f"WARN near-duplicate{colon} {said}"
    assert all(line.startswith(" " * 8) for line in found[1:])
    assert all(len(line) <= width or line.split() == ["x" * 130] for line in lines)
    assert len(found) > len(said) // width


def test_info_is_below_warnings_and_does_not_fail(mixed):
    report = replace(mixed, findings=(Finding("a", "fail", "info", message="x"), Finding("b", "fail", "warning")))
    assert report.passed
    assert render(report).splitlines()[0] == "fruits: passed (12 images; 1 warning, 1 info)"
    assert [line.split()[0] for line in render(report).splitlines()[1:]] == ["WARN", "info"]


def test_colour_only_when_asked(mixed):
    assert "\x1b" not in render(mixed)
    assert "\x1b[" in render(mixed, color=True)
