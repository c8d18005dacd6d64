"""The contract of every report in the table."""

import pytest

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
