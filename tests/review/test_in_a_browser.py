"""Whole reviews in Chromium, by the keyboard alone."""

import csv
import http.server
import io
import json
import threading
from functools import partial

import numpy as np
import pytest

from imgprep.checks.intervals import Stratum
from imgprep.checks.review import estimate
from imgprep.review.page import render
from imgprep.review.server import ReviewServer
from imgprep.review.session import DecisionSession, Group, SavedFile, Shown
from tests.review.conftest import CLASSES, picture

pytestmark = pytest.mark.slow


@pytest.fixture
def tab(browser):
    """Opens a tab; no message of its console is an error."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    said = []

    def call(url):
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        page.said = said
        return page

    yield call
    context.close()


def saved(page):
    page.wait_for_selector("body[data-saved=true]", state="attached")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [row["reviewed_label"] for row in csv.DictReader(file)]


def test_a_whole_review_by_keyboard_with_the_tab_closed_in_between(new_session, tab, tmp_path):
    table = tmp_path / "review.csv"
    with ReviewServer(new_session()) as server:
        page = tab(server.url)
        assert "apple/0.jpg" not in page.inner_text("body")  # blind
        page.keyboard.press("1")
        page.keyboard.press("?")
        page.keyboard.type("plu")
        page.keyboard.press("Enter")
        page.keyboard.press("2")
        saved(page)
        assert rows(table) == ["apple", "?", "plum", "pear", "", "", "", "", ""]
        page.keyboard.press("Backspace")  # undone, and asked again
        saved(page)
        assert rows(table)[3] == ""
        page.keyboard.press("1")
        saved(page)
        page.close()
        page = tab(server.url)  # goes on at the first that is open
        assert page.inner_text("#count").startswith("5 of 9, 4 answered")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("0")
        saved(page)
        page.close()
    with ReviewServer(new_session()) as server:  # and after the program has ended
        page = tab(server.url)
        for key in ("2", "3", "1", "2", "2"):
            page.keyboard.press(key)
        page.wait_for_selector("#over[open]")
        assert "Everything is answered" in page.inner_text("#over")
        saved(page)
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-finished=true]", state="attached")
        server.wait()
    assert rows(table) == ["apple", "?", "plum", "none", "pear", "plum", "apple", "pear", "pear"]
    assert page.said == []


def test_the_given_label_is_shown_when_asked_for_and_for_one_image_only(served, tab):
    page = tab(served.url)
    assert page.is_hidden("#given")
    page.keyboard.press(".")
    assert "apple" in page.inner_text("#given")
    page.keyboard.press("ArrowRight")
    assert page.is_hidden("#given")


def test_the_offline_page_keeps_its_answers_and_saves_by_download(new_session, tab, tmp_path):
    session = new_session()
    file = tmp_path / "page.html"
    file.write_text(render(session.data(), images=session.images), "utf-8")
    page = tab(file.as_uri())
    assert page.evaluate("document.querySelector('#stage img').naturalWidth") == 60
    for key in ("1", "2", "?", "1"):
        page.keyboard.press(key)
    page.close()
    page = tab(file.as_uri())
    assert page.inner_text("#count").startswith("5 of 9, 4 answered")
    for key in ("2", "3", "1", "2", "0"):
        page.keyboard.press(key)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    text = download.value.path().read_text("utf-8")
    assert download.value.suggested_filename == "review.csv"
    assert [row["reviewed_label"] for row in csv.DictReader(io.StringIO(text))] == [
        "apple", "pear", "?", "apple", "pear", "plum", "apple", "pear", "none",
    ]  # fmt: skip
    assert text.startswith("id,label,reviewed_label\napple/0.jpg,apple,apple\n")
    assert page.said == []
    assert not (tmp_path / "review.csv").exists()


def test_a_page_of_another_origin_sees_and_changes_nothing(served, tab, tmp_path):
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/index.html").write_text("<!doctype html><title>evil</title>", "utf-8")
    handler = partial(_Quiet, directory=str(tmp_path / "evil"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        page = tab(f"http://127.0.0.1:{other.server_address[1]}/")
        tried = page.evaluate(
            """async url => {
              const answer = url.replace("/?", "/answer?"), body = '{"at": 0, "answer": "plum"}', found = [];
              for (const [address, options] of [[url, {}], [answer, {method: "POST", body}],
                  [answer, {method: "POST", body, headers: {"Content-Type": "application/json"}}]])
                found.push(await fetch(address, options).then(reply => reply.text(), () => "refused"));
              await fetch(answer, {method: "POST", body, mode: "no-cors"}).catch(() => 0);
              const image = new Image();
              image.src = url.replace("/?", "/image/0?");
              found.push(await image.decode().then(() => "seen", () => "refused"));
              return found;
            }""",
            served.url,
        )
        other.shutdown()
    assert tried == ["refused"] * 4
    assert served.session.answers == [""] * 9


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_the_interval_of_the_page_is_that_of_the_rule(served, tab):
    page = tab(served.url)
    random = np.random.default_rng(2)
    cases = []
    for _ in range(40):
        sizes = random.integers(0, 3000, random.integers(1, 6))
        reviewed = [int(random.integers(0, min(size, 90) + 1)) for size in sizes]
        if random.random() < 0.3:
            reviewed = [round(size * 0.05) for size in sizes]
        if sum(reviewed):
            wrong = [int(random.binomial(count, 0.05)) for count in reviewed]
            cases.append([list(each) for each in zip(map(int, sizes), reviewed, wrong, strict=True)])
    cases.append([[5, 5, 1], [4, 4, 0]])
    found = page.evaluate(
        """cases => cases.map(strata =>
          estimate(strata.map(([size, reviewed, wrong]) => ({size, reviewed, wrong})), 0, 0.04, 0.95))""",
        cases,
    )
    for strata, said in zip(cases, found, strict=True):
        interval, more = estimate([Stratum(*each) for each in strata], 0, 0.04, 0.95)
        assert (said["rate"], said["low"], said["high"]) == pytest.approx(interval[:3], abs=1e-9)
        assert (said["census"], said["more"]) == (interval.census, more)
    assert any(not each["census"] and each["more"] for each in found)


def test_copies_side_by_side_and_a_gallery_by_keyboard(tmp_path, tab):
    images = [
        Shown(f"{label}/{i}.jpg", label, picture(30 * i)) for i, label in enumerate(["apple", "apple", "pear", "pear"])
    ]

    def content(decided):
        return json.dumps([[tuple(change) for change in changes] for _, changes in decided]).encode()

    def session(mode, groups):
        file = SavedFile(tmp_path / f"{mode}.json")
        return DecisionSession(mode, "fruits", CLASSES, images, groups, [()] * len(groups), file, content)

    pairs = session(
        "duplicates", [Group((0, 1), "duplicate", "2 files"), Group((2, 3), "near-duplicate"), Group((1, 2))]
    )
    with ReviewServer(pairs) as server:
        page = tab(server.url)
        page.keyboard.press("2")
        page.keyboard.press("b")
        page.keyboard.press("w")
        assert page.is_hidden("#choices")  # of which image is not said yet
        for key in ("1", "p", "l", "u", "Enter"):
            page.keyboard.press(key)
        page.wait_for_selector("#over[open]")
        saved(page)
    assert json.loads((tmp_path / "duplicates.json").read_text()) == [
        [[0, "exclude", ""], [1, "keep", ""]],
        [[2, "keep", ""], [3, "keep", ""]],
        [[1, "relabel", "plum"]],
    ]
    with ReviewServer(session("gallery", [Group((i,)) for i in range(4)])) as server:
        page = tab(server.url)
        assert page.locator(".cell").count() == 2  # the first class
        for key in ("ArrowRight", "x", "ArrowLeft", "r", "p", "l", "Enter", "x", "x", "Backspace", "Backspace"):
            page.keyboard.press(key)
        saved(page)
    assert json.loads((tmp_path / "gallery.json").read_text()) == [
        [[0, "relabel", "plum"]],
        [[1, "exclude", ""]],
        [],
        [],
    ]
    assert page.said == []
