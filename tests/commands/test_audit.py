import csv
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

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


def test_the_page_shows_the_collection_and_links_to_its_files(request_for: MakeRequest, collection: Path) -> None:
    audited = main.audit(request_for())
    page = audited.page.read_text()
    for section in ("classes", "charts", "map"):
        assert f'<section id="{section}">' in page
    links = set(re.findall(r'<figcaption[^>]*>(?:<b>[^<]*</b> )?<a href="([^"]*)"', page))
    files = {(audited.folder / unquote(link)).resolve() for link in links}
    assert files == {path.resolve() for path in collection.glob("*/*.png")}


def test_the_page_is_the_same_each_time(request_for: MakeRequest) -> None:
    audited = main.audit(request_for())
    before = {path.name: path.read_bytes() for path in audited.folder.iterdir()}
    again = main.audit(request_for())
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before
    assert {"report.html", "report.json", "images.csv", "metrics.json"} <= set(before)


def test_images_csv_has_every_entry_with_its_measures(request_for: MakeRequest, collection: Path) -> None:
    (collection / "oak" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    audited = main.audit(request_for())
    rows = {row["id"]: row for row in csv.DictReader((audited.folder / "images.csv").read_text().splitlines())}
    assert len(rows) == 13
    broken = rows.pop("oak/broken.png")
    assert (broken["status"], broken["width"], broken["sharpness"]) == ("quarantined", "", "")
    assert broken["reason"]
    for id_, row in rows.items():
        data = (collection / id_).read_bytes()
        pixels = np.asarray(Image.open(collection / id_))
        assert (int(row["height"]), int(row["width"])) == pixels.shape[:2]
        assert int(row["bytes"]) == len(data)
        assert row["bytes_digest"] == hashlib.sha256(data).hexdigest()[:32]
        assert row["class"] == id_.split("/")[0]


@pytest.mark.parametrize("name", ["<script>x", "a'b\"c", "\u202egpj"])
def test_a_hostile_name_is_text_and_its_link_leads_to_its_file(
    request_for: MakeRequest, collection: Path, name: str
) -> None:
    image = next((collection / "oak").glob("*.png"))
    image.rename(image.with_name(f"{name}%41 #?.png"))
    audited = main.audit(request_for())
    page = audited.page.read_text()
    assert "<script>x" not in page
    assert "\u202e" not in page
    links = re.findall(r'<a href="([^"]*%2541[^"]*)"', page)
    assert links
    assert {(audited.folder / unquote(link)).name for link in links} == {f"{name}%41 #?.png"}
