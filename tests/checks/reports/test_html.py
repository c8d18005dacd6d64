import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from imgprep.checks.base import Finding, Report
from imgprep.checks.explanation import explain
from imgprep.checks.page.view import NOTHING, View
from imgprep.checks.reports.html import IMAGES, Pictures, render, render_page, wanted_thumbnails
from imgprep.checks.rules.quality import Blur

VOID = {"meta", "link", "img", "br", "wbr", "line", "path", "circle", "image"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def thumbnail(level):
    return cv2.imencode(".jpg", np.full((48, 48, 3), level, np.uint8))[1].tobytes()


@pytest.mark.parametrize("name", ["mixed", "hostile", "long"])
def test_is_well_formed_and_loads_nothing(name, request):
    report = request.getfixturevalue(name)
    page = Tags(render(report, dict.fromkeys(wanted_thumbnails(report), b"jpeg")))
    assert page.open == []
    assert not {"iframe", "object", "embed", "form"} & set(page.seen)
    assert page.seen.count("script") == 1
    assert not [key for key, _ in page.attributes if key.startswith("on")]
    links = [value for key, value in page.attributes if key in {"src", "href"}]
    assert all(link.startswith(("data:", "#")) for link in links)


def test_only_the_script_and_the_style_of_imgprep_may_run(mixed):
    """By the policy of the page, which names their digests; what a file name smuggled in would not run."""
    text = render(mixed)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for kind, tag in (("script", "script"), ("style", "style")):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert " style=" not in text


def test_hostile_names_stay_text(hostile):
    text = render(hostile, dict.fromkeys(wanted_thumbnails(hostile), b"jpeg"))
    assert text.count("<script>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert r"\u202e" in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", text)
    shown = {"title", "alt", "id", "href", "data-value"}
    assert not [value for key, value in Tags(text).attributes if "alert(1)" in (value or "") and key not in shown]


def test_each_open_rule_says_what_it_asks_why_and_how_to_fix_it(mixed):
    rule = Blur()
    text = render(mixed, view=View(rules={"blur": rule}))
    section = re.search(r'<section id="blur".*?</section>', text, re.DOTALL)[0]
    said = explain(rule)
    for term, words in (("Asks", said.asks), ("Why", said.why), ("Fix", said.fix)):
        assert f"<dt>{term}</dt><dd>{words}</dd>" in section
    assert 'title="Andrew Ferlitsch, Handbook 2: Computer Vision Data Engineering">Handbook</abbr>, part 5' in section


def test_decisions_are_counted_in_the_head(mixed):
    head = re.search("<header>.*?</header>", render(replace(mixed, decisions={"excluded": 7})), re.DOTALL)[0]
    assert "<b>7</b><span>excluded</span>" in head
    assert "excluded" not in render(mixed)


def test_a_picture_links_to_its_file(mixed):
    pictures = Pictures({"plum/1.jpg": thumbnail(9)}, {"plum/1.jpg": "../../plum/1.jpg"}, {"plum/1.jpg": "plum"})
    text = render_page(mixed, pictures, NOTHING)
    assert '<a href="../../plum/1.jpg">plum/<wbr>1.jpg</a>' in text
    near = re.search(r'<section id="near-duplicate".*?</section>', text, re.DOTALL)[0]
    assert "<i>plum</i>" in near


def test_sections(mixed):
    text = render(mixed)
    sections = re.findall(r'<section id="([^"]*)"', text)
    assert "Distributions" not in text
    assert sections == ["overview", "classes", "class-balance-max", "blur", "near-duplicate", "label-errors", "rest"]
    assert 'class="clusters"' in text


def test_thumbnails_are_embedded(mixed):
    wanted = wanted_thumbnails(mixed)
    assert wanted == ("plum/1.jpg", "plum/2.jpg", "apple/7.jpg")
    text = render(mixed, dict.fromkeys(wanted[:2], thumbnail(9)))
    assert text.count("data:image/jpeg;base64,") == 3
    assert text.count('class="absent"') == 0
    assert "and 1 more" in text
    assert render(mixed).count('class="absent"') >= 3


def test_large_reports_are_cut(long):
    assert len(wanted_thumbnails(long)) == IMAGES
    assert len(render(long)) < 2_000_000
    assert "and 260 more findings" in render(long)


def test_every_class_gets_its_share_of_the_images():
    samples = {name: tuple(f"{name}/{n}.jpg" for n in range(100)) for name in "abcdefghij"}
    findings = tuple(
        Finding("color-share", "fail", "warning", f"{n}: few", n, samples=ids) for n, ids in samples.items()
    )
    report = Report("colours", 1000, findings)
    wanted = wanted_thumbnails(report)
    assert {name: sum(sample.startswith(name) for sample in wanted) for name in samples} == dict.fromkeys(samples, 16)
    text = render(report, dict.fromkeys(wanted, thumbnail(9)))
    assert text.count("and 84 more") == 10
    assert text.count("data:image/jpeg;base64,") == 160


def test_the_class_is_not_told_twice(mixed):
    finding = Finding("blur", "fail", "warning", "plum", 2, 0, "plum: 2 are soft", ("plum/1.jpg",))
    text = render(replace(mixed, findings=(finding,)))
    assert "<h3>plum</h3><p>" in text
    assert "</span> 2 are soft</p>" in text
    assert "plum/<wbr>1.jpg</figcaption>" in text


def test_histogram_shows_the_lines_of_the_rules(mixed):
    text = render(mixed)
    assert text.count("<rect") == 2
    assert "class-balance-max: 1" in text
    assert "class-size: 1" in text


def test_histogram_of_many_classes(long):
    assert render(long).count("<rect") == 60
    assert "60 smallest of 300" in render(long)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_opens_in_a_browser_without_a_word_on_the_console(tmp_path, mixed):
    page, shot = tmp_path / "report.html", tmp_path / "shot.png"
    page.write_text(render(mixed, {sample: thumbnail(99) for sample in wanted_thumbnails(mixed)}), "utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", f"--screenshot={shot}",
        "--window-size=1200,1600", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    assert ":CONSOLE" not in done.stderr
    picture = cv2.imread(str(shot))
    assert picture.shape[:2] == (1600, 1200)
    assert picture.std() > 5


DRIVER = """<script>
const said = [];
const shown = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).length;
const box = document.querySelector("#filter");
const filter = (text) => { box.value = text; box.dispatchEvent(new Event("input")); };
filter("plum/1");
said.push(shown("#blur figure"), shown("#near-duplicate figure"), shown("#label-errors"));
filter("");
said.push(shown("#blur figure"), shown("#label-errors"));
const first = () => document.querySelector("#overview tbody tr td:nth-child(2)").textContent;
const rule = document.querySelectorAll("#overview th button")[1];
rule.click(); said.push(first());
rule.click(); said.push(first());
document.querySelector("figure img").click();
said.push(document.querySelector("dialog").open, document.querySelector("dialog p").textContent.trim());
document.querySelector("dialog button").click();
said.push(document.querySelector("dialog").open);
document.title = JSON.stringify(said);
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_script_filters_sorts_and_enlarges(tmp_path, mixed):
    text = render(mixed, {sample: thumbnail(99) for sample in wanted_thumbnails(mixed)})
    # Another script may not run on the page; so the policy is taken out of this copy.
    text = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", f"{DRIVER}</body>")
    page = tmp_path / "report.html"
    page.write_text(text, "utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    said = json.loads(html.unescape(re.search("<title>(.*?)</title>", done.stdout)[1]))
    assert said == [1, 1, 0, 2, 1, "blur", "unreadable", True, "plum/1.jpg", False]
