import csv
import io

from imgprep.checks.base import Finding, Report
from imgprep.checks.reports.csv import COLUMNS, render


def rows(report):
    return list(csv.DictReader(io.StringIO(render(report))))


def test_one_row_for_each_file_of_each_finding_that_does_not_pass_worst_first(mixed):
    found = [(row["rule"], row["class"], row["id"]) for row in rows(mixed)]
    assert found == [
        ("class-balance-max", "plum", ""),
        ("blur", "plum", "plum/1.jpg"),
        ("blur", "plum", "plum/2.jpg"),
        ("near-duplicate", "", "plum/1.jpg"),
        ("near-duplicate", "", "apple/7.jpg"),
        ("label-errors", "", ""),
        ("license", "", ""),
        ("unreadable", "plum", "x.jpg"),
    ]


def test_values_and_words_of_a_finding(mixed):
    row = next(row for row in rows(mixed) if row["rule"] == "unreadable")
    assert row == {
        "rule": "unreadable", "status": "fail", "severity": "off", "class": "plum", "id": "x.jpg", "observed": "1",
        "threshold": "0", "message": "cannot be used", "excuse": "waived: known", "source": "",
    }  # fmt: skip


def test_a_name_is_no_formula_and_no_second_line():
    names = ("=1+1.jpg", "a\nb.jpg", 'q"u,o.jpg', "\u202egpj.exe")
    finding = Finding("blur", "fail", "warning", "@plum", message="-1", samples=names)
    text = render(Report("fruits", 4, (finding,)))
    assert text.count("\n") == 5
    found = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in found] == ["'=1+1.jpg", r"a\nb.jpg", 'q"u,o.jpg', r"\u202egpj.exe"]
    assert {(row["class"], row["message"]) for row in found} == {("'@plum", "'-1")}


def test_a_report_without_findings_is_a_header():
    assert render(Report("fruits", 4, ())) == ",".join(COLUMNS) + "\n"
