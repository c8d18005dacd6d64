"""The contract of every report in the table."""

import json
import re

import pytest

from imgprep.checks.base import Finding, Report, Table
from imgprep.checks.reports import REPORTS
from imgprep.testing.reports import check_report

NAMES = {"text", "json", "junit", "sarif", "github", "gitlab", "markdown"}


def test_every_format_of_the_contract_is_there():
    assert set(REPORTS) >= NAMES


@pytest.mark.parametrize("render", REPORTS.values(), ids=REPORTS)
class TestContract:
    def test_keeps_the_contract(self, render):
        check_report(render)

    def test_markup_is_escaped_where_it_would_be_read(self, render, hostile):
        name = next(name for name, function in REPORTS.items() if function is render)
        if name in {"html", "junit", "markdown"}:
            assert "<script>alert" not in render(hostile)

    def test_says_what_fails(self, render, mixed):
        text = render(mixed)
        for said in ("too soft", "plum is 5", "2 alike", "who knows"):
            assert said in text

    def test_long_reports(self, render, long):
        assert "finding 0" in render(long)


@pytest.fixture
def measured():
    """Shares of red and blue in 30 classes, of which the last has too little red."""
    rows = tuple((f"class {n:02}", 100 + n, 0.5 if n < 29 else 0.04, None if n else 0.25) for n in range(30))
    table = Table("colours", ("class", "images", "red", "blue"), rows, 0.1, "a colour is rare")
    finding = Finding("color-share", "fail", "warning", None, 0.04, 0.1, "class 29: a colour is rare")
    return Report("x", 7, (finding,), tables={"color-share": table})


def rows_of(text):
    return [" ".join(line.split()) for line in text.splitlines() if re.match(r" +class \d", line)]


def test_table_in_a_file_shows_the_rows_with_the_smallest_shares(measured):
    rows = rows_of(REPORTS["text"](measured))
    assert len(rows) == 12
    assert rows[:2] == ["class 29 129 4 %*", "class 00 100 50 % 25 %"]
    assert "and 18 more classes, in report.json" in REPORTS["text"](measured)


def test_table_in_a_terminal_takes_only_the_room_that_the_findings_leave(measured):
    render = REPORTS["text"]
    assert len(rows_of(render(measured, width=80))) == 12
    worse = tuple(Finding("blur", "fail", "error", message=f"soft {n}") for n in range(9))
    crowded = Report("x", 7, worse + measured.findings, tables=measured.tables)
    assert rows_of(render(crowded, width=80)) == []
    assert len(rows_of(render(crowded, width=80, everything=True))) == 30


def test_table_for_programs_is_whole(measured):
    table = json.loads(REPORTS["json"](measured))["tables"]["color-share"]
    assert table["columns"] == ["class", "images", "red", "blue"]
    assert len(table["rows"]) == 30
    assert table["rows"][29] == ["class 29", 129, 0.04, None]


def test_table_in_pages(measured):
    assert "| class 29 | 129 | **4 %** |  |" in REPORTS["markdown"](measured)
    page = REPORTS["html"](measured)
    assert page.count('<table class="shares"') == 1
    assert '<td data-value="40000" class="short">4 %</td>' in page
    assert page.count('<td data-value="class ') == 30
