import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.checks.reports import REPORTS
from imgprep.commands import main
from imgprep.commands.audit import check_format, encoded, render
from imgprep.commands.session import Request
from imgprep.errors import RequestError

MakeRequest = Callable[..., Request]


def test_reports_are_written(request_for: MakeRequest, tmp_path: Path) -> None:
    audited = main.audit(request_for())
    assert audited.folder == tmp_path / "output" / "audit"
    content = json.loads((audited.folder / "report.json").read_text())
    assert (content["version"], content["name"], content["images"]) == (1, "trees", 12)
    assert content["passed"] is audited.report.passed is True
    sizes = {row["class"]: row["observed"] for row in content["findings"] if row["rule"] == "class-size"}
    assert sizes == {"ash": 4, "elm": 5, "oak": 3}
    assert (audited.folder / "report.html").exists()


def test_reports_are_encoded_in_pieces() -> None:
    text = "fichier é\udce9 \U0001f600\n" * 300_000  # names of files may hold what is no UTF-8
    pieces = list(encoded(text))
    assert b"".join(pieces) == text.encode("utf-8", "backslashreplace")
    assert len(pieces) > 3
    assert max(map(len, pieces)) <= 6 << 20
    assert list(encoded("")) == []


def test_a_class_that_is_too_small_fails(request_for: MakeRequest) -> None:
    report = main.audit(request_for("audit.rules.class-size.min=4")).report
    assert not report.passed
    failed = [finding for finding in report.findings if finding.status == "fail" and finding.severity == "error"]
    assert [(finding.rule, finding.observed, finding.threshold) for finding in failed] == [("class-size", 3, 4)]


def test_a_damaged_file_is_named(request_for: MakeRequest, collection: Path) -> None:
    (collection / "oak" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    report = main.audit(request_for()).report
    assert not report.passed
    named = [finding for finding in report.findings if "oak/broken.png" in finding.samples]
    assert {finding.rule for finding in named if finding.status == "fail"} == {"unreadable"}


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_format_can_be_rendered(request_for: MakeRequest, name: str) -> None:
    check_format(name)
    report = main.audit(request_for("audit.rules.class-size.min=4")).report
    assert "class-size" in render(report, name)


def test_another_format_is_refused() -> None:
    with pytest.raises(RequestError, match=r"--format pdf: expected one of .*json"):
        check_format("pdf")
