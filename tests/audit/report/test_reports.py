"""The contract of every report in the table."""

import re

import pytest

from imgprep.audit.base import Report
from imgprep.audit.report import REPORTS

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff]")
NAMES = {"text", "json", "junit", "sarif", "github", "gitlab", "markdown"}


def test_every_format_of_the_contract_is_there():
    assert set(REPORTS) >= NAMES


@pytest.mark.parametrize("render", REPORTS.values(), ids=REPORTS)
class TestContract:
    def test_ends_with_a_line_feed_and_is_the_same_each_time(self, render, mixed):
        assert render(mixed).endswith("\n")
        assert render(mixed) == render(mixed)

    def test_nothing_found(self, render):
        assert render(Report("", 0, ())).endswith("\n")

    def test_odd_names_are_shown_as_text(self, render, hostile):
        text = render(hostile)
        text.encode()
        assert not CONTROL.search(text)

    def test_markup_is_escaped_where_it_would_be_read(self, render, hostile):
        name = next(name for name, function in REPORTS.items() if function is render)
        if name in {"html", "junit", "markdown"}:
            assert "<script" not in render(hostile)

    def test_says_what_fails(self, render, mixed):
        text = render(mixed)
        for said in ("too soft", "plum is 5", "2 alike", "who knows"):
            assert said in text

    def test_long_reports(self, render, long):
        assert "finding 0" in render(long)
