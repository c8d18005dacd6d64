"""Reviews of labels from outside: what is drawn, how a table may be filled in, and what is refused."""

import csv
import json
import signal
import unicodedata
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

NAME = unicodedata.normalize("NFC", "café.png")


@pytest.fixture
def animals(tmp_path: Path, new_project: Callable[..., Any]) -> Any:
    """A project of 20 cats and 20 dogs, two of which are no images."""
    random = np.random.default_rng(7)
    folder = tmp_path / "animals"
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 256, (12, 12, 3), np.uint8)
            assert cv2.imwrite(str(folder / label / f"{number:02d}.png"), pixels)
    (folder / "cat/03.png").write_bytes(b"")
    (folder / "dog/11.png").write_bytes((folder / "dog/11.png").read_bytes()[:200])
    (folder / "cat/05.png").rename(folder / "cat" / NAME)
    return new_project(folder, audit={"rules": {"class-size": {"min": 1}, "unreadable": {"severity": "warning"}}})


@pytest.fixture
def judged(animals: Any) -> Callable[..., dict[str, Any]]:
    """Writes a table, audits with it, and gives what is said of labels."""

    def call(text: str, name: str = "review.csv") -> dict[str, Any]:
        (animals.folder / name).write_text(text, "utf-8")
        setting = f"audit.rules.label-errors.review={name}"
        done = animals.call("audit", animals.spec, "--format", "json", "--set", setting)
        assert done.returncode in {0, 1}, done.stderr
        (finding,) = (each for each in json.loads(done.stdout)["findings"] if each["rule"] == "label-errors")
        return finding

    return call


def refused(animals: Any, text: str) -> str:
    (animals.folder / "review.csv").write_text(text, "utf-8")
    done = animals.call("audit", animals.spec, "--set", "audit.rules.label-errors.review=review.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert not (animals.output / "audit/report.json").exists()
    return done.stderr


def test_unreadable_files_are_not_drawn(animals):
    table = animals.folder / "r.csv"
    done = animals.call("review", animals.spec, "--sample", 40, "-o", table)
    assert done.returncode == 0, done.stderr
    with table.open(encoding="utf-8", newline="") as file:
        drawn = {row["id"] for row in csv.DictReader(file)}
    assert len(drawn) == 38
    assert not drawn & {"cat/03.png", "dog/11.png"}
    assert "left out: 2 images that cannot be read" in done.stdout
    assert animals.call("review", animals.spec, "--sample", 12, "-o", table, "--force").returncode == 0
    labels = [line.split("/")[0] for line in table.read_text("utf-8").splitlines()[1:]]
    assert (labels.count("cat"), labels.count("dog")) == (6, 6)


def test_a_question_mark_is_no_wrong_label(judged):
    finding = judged("id,label,reviewed_label\ncat/00.png,cat,cat\ncat/01.png,cat,?\ndog/00.png,dog,Unsure\n")
    assert (finding["observed"], finding["samples"]) == (0, [])
    assert "0 of 1 reviewed" in finding["message"]
    assert "2 images were marked as unsure and left out of the sample" in finding["message"]


def test_a_label_that_is_no_class_is_refused_with_file_and_line(animals):
    said = refused(animals, "id,label,reviewed_label\ncat/00.png,cat,cat\ndog/00.png,dog,Dgo\ncat/01.png,cat,horse\n")
    first, second = said.splitlines()
    assert "review.csv:3: the label 'Dgo' is no class; did you mean 'dog'?" in first
    assert "review.csv:4: the label 'horse' is no class; the classes are cat, dog" in second


def test_two_answers_about_one_image_are_refused(animals):
    assert "review.csv:3: cat/00.png is there twice, first in line 2" in refused(
        animals, "id,label,reviewed_label\ncat/00.png,cat,cat\ncat\\00.png,cat,dog\n"
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_as_people_fill_it_in(judged, delimiter):
    rows = [
        ("ID", "Label", "Reviewed_Label", "note"),
        ("cat/00.png", "cat", " Cat ", ""),
        (unicodedata.normalize("NFD", f"cat/{NAME}"), "cat", "DOG", "?"),
        ("dog\\00.png", "dog", "dog", ""),
        ("dog/01.png", "dog", "", "not yet"),
        ("dog/02.png", "dog", "none", "a fox"),
    ]
    finding = judged("\ufeff" + "".join(delimiter.join(row) + "\r\n" for row in rows))
    assert "2 of 4 reviewed" in finding["message"]
    assert sorted(finding["samples"]) == [f"cat/{NAME}", "dog/02.png"]


def test_what_is_left_out_is_said_as_it_is(judged):
    finding = judged("id,label,reviewed_label\ncat/00.png,cat,cat\ncat/03.png,cat,cat\ncat/99.png,cat,cat\n")
    assert "1 image was reviewed but unusable" in finding["message"]
    assert "1 image was reviewed but not in the collection: cat/99.png" in finding["message"]


def test_the_recipe_that_review_prints_works_from_anywhere(animals, monkeypatch, imgprep, tmp_path):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = imgprep("review", animals.spec, "--sample", 10, "-o", "drawn/r.csv", cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    filled = elsewhere / "drawn/r.csv"
    lines = filled.read_text("utf-8").splitlines()
    filled.write_text("\n".join([lines[0], *(line + line.split(",")[1] for line in lines[1:])]), "utf-8")
    assert str(filled) in done.stdout.splitlines()[-1]
    for path in ("drawn/r.csv", filled):
        setting = f"audit.rules.label-errors.review={path}"
        done = imgprep("audit", animals.spec, "--format", "json", "--set", setting, cwd=elsewhere)
        (finding,) = (each for each in json.loads(done.stdout)["findings"] if each["rule"] == "label-errors")
        assert "0 of 10 reviewed" in finding["message"]
    done = imgprep("audit", animals.spec, "--set", "audit.rules.label-errors.review=r.csv", cwd=elsewhere)
    assert done.returncode == 2
    assert "r.csv: cannot read the review: no such file; draw one with imgprep review" in done.stderr


def answers(table: Path) -> dict[str, str]:
    with table.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["reviewed_label"] for row in csv.DictReader(file)}


def fill(table: Path, **changes: str) -> Path:
    """Fills a table in with the labels that are there, but for some."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [f"{row['id']},{row['label']},{changes.get(row['id'].replace('/', '_')[:6], row['label'])}" for row in rows]
    table.write_text("\n".join(["id,label,reviewed_label", *lines]) + "\n", "utf-8")
    return table


def test_extend_draws_more_and_keeps_what_is_filled_in(animals):
    table = animals.folder / "r.csv"
    assert animals.call("review", animals.spec, "--sample", 8, "-o", table).returncode == 0
    first = answers(fill(table))
    refused = animals.call("review", animals.spec, "--sample", 12, "-o", table)
    assert (refused.returncode, "--extend" in refused.stderr) == (2, True)
    done = animals.call("review", animals.spec, "--sample", 12, "-o", table, "--extend")
    assert done.returncode == 0, done.stderr
    now = answers(table)
    assert len(now) == 12
    assert {id_: now[id_] for id_ in first} == first
    assert sum(answer == "" for answer in now.values()) == 4
    again = animals.call("review", animals.spec, "--sample", 12, "-o", table, "--extend")
    assert (again.returncode, "12 images already" in again.stderr) == (2, True)
    none = animals.call("review", animals.spec, "--extend", "-o", animals.folder / "no.csv")
    assert (none.returncode, "no review to extend" in none.stderr) == (2, True)


def test_collect_merges_reviewers_and_names_what_they_differ_on(animals):
    first = animals.folder / "anna.csv"
    assert animals.call("review", animals.spec, "--sample", 10, "-o", first).returncode == 0
    drawn = sorted(answers(first))
    other = animals.folder / "ben.csv"
    other.write_bytes(first.read_bytes())
    fill(first)
    lines = fill(other).read_text("utf-8").splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith(drawn[0]))
    lines[place] = f"{drawn[0]},cat,dog"
    other.write_text("\n".join(lines).replace(",", ";"), "utf-8")
    merged = animals.folder / "both.csv"
    done = animals.call("review", animals.spec, "--collect", first, other, "-o", merged)
    assert done.returncode == 0, done.stderr
    assert "anna and ben: the same label for 9 of 10 images; Cohen's kappa 0.80 (substantial)" in done.stdout
    assert f"{drawn[0]}: cat (anna), dog (ben)" in done.stdout
    assert answers(merged)[drawn[0]] == ""
    assert sum(map(bool, answers(merged).values())) == 9
    audit = animals.call(
        "audit", animals.spec, "--format", "json", "--set", f"audit.rules.label-errors.review={merged}"
    )
    assert "0 of 9 reviewed" in audit.stdout
    again = animals.call("review", animals.spec, "--collect", first, "--collect", other, "-o", merged)
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    other.write_text("id,label,reviewed_label\ncat/00.png,cat,Dgo\n", "utf-8")
    wrong = animals.call("review", animals.spec, "--collect", first, other, "-o", animals.folder / "x.csv")
    assert wrong.returncode == 2
    assert "ben.csv:2: the label 'Dgo' is no class; did you mean 'dog'?" in wrong.stderr


def test_the_page_for_a_colleague_is_one_file_of_readable_images(animals):
    page = animals.folder / "review.html"
    done = animals.call("review", animals.spec, "--sample", 40, "--page", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    data = json.loads(text.partition('type="application/json">')[2].partition("</script>")[0])
    assert len(data["ids"]) == len(data["pictures"]) == 38
    assert not {"cat/03.png", "dog/11.png"} & set(data["ids"])
    assert data["ids"] != sorted(data["ids"])  # the order tells nothing of the labels
    assert not any(word in text for word in ("http://", "https://", "{{"))
    assert not (animals.output / "audit/review.csv").exists()
    for name, word in (("r.txt", "ends in .html"), ("nowhere/r.html", "no such folder")):
        assert word in animals.call("review", animals.spec, "--page", animals.folder / name).stderr


def test_ctrl_c_ends_the_server_with_everything_saved(animals):
    with animals.start("review", animals.spec, "--sample", 6, "--no-open", "-o", "r.csv") as process:
        try:
            url = process.stdout.readline().strip()
            answer, token = url.split("?")
            body = json.dumps({"at": 2, "answer": "dog"}).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{answer}answer?{token}", body, headers)
            with urllib.request.urlopen(request, timeout=60) as reply:
                assert reply.status == 204
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert "1 of 6 images are labelled" in out
    assert list(answers(animals.folder / "r.csv").values()) == ["", "", "dog", "", "", ""]


def test_suspects_are_asked_about_in_a_table_of_their_own(animals):
    ids = [f"{label}/{number:02d}.png" for label in ("cat", "dog") for number in range(20)]
    ids.remove("cat/05.png")
    given = np.array([id_.startswith("dog") for id_ in ids])
    given[[2, 31]] = ~given[[2, 31]]  # a classifier is sure of the other class
    np.savez(animals.folder / "probs.npz", ids=ids, pred_probs=np.where(given[:, None], [0.02, 0.98], [0.98, 0.02]))
    setting = f"audit.rules.label-errors.pred_probs={animals.folder / 'probs.npz'}"
    done = animals.call("review", animals.spec, "--mode", "suspects", "--set", setting)
    assert done.returncode == 0, done.stderr
    assert sorted(answers(animals.output / "audit/suspects.csv")) == sorted([ids[2], ids[31]])
    assert "no random sample" in done.stdout
    assert not (animals.output / "audit/review.csv").exists()


@pytest.fixture
def copies(tmp_path: Path, new_project: Callable[..., Any]) -> Any:
    """A project of 6 cats and 6 dogs: a copy among the cats, and the image of a cat among the dogs too."""
    random = np.random.default_rng(9)
    folder = tmp_path / "animals"
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            small = random.integers(0, 256, (6, 6, 3), np.uint8)
            image = cv2.resize(small, (48, 40), interpolation=cv2.INTER_CUBIC)
            assert cv2.imwrite(str(folder / label / f"{number}.png"), image)
    (folder / "cat/copy.png").write_bytes((folder / "cat/1.png").read_bytes())
    (folder / "dog/cat.png").write_bytes((folder / "cat/2.png").read_bytes())
    return new_project(folder, audit={"rules": {"class-size": {"min": 1}}})


def opened(project: Any, **choice: Any) -> Any:
    from imgprep.commands import main
    from imgprep.commands.review_draw import Choice
    from imgprep.commands.session import Request

    return main.open_review(Request(project.spec), Choice(**choice))


def decisions(path: Path) -> set[tuple[str, str, str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["id"], row["action"], row["value"], row["rule"]) for row in csv.DictReader(file)}


def test_copies_are_decided_side_by_side(copies):
    session = opened(copies, mode="duplicates")
    names = {tuple(session.images[i].id for i in group.images): group.rule for group in session.groups}
    assert names == {("cat/2.png", "dog/cat.png"): "label-conflict", ("cat/1.png", "cat/copy.png"): "duplicate"}
    first, second = (group.images for group in session.groups)
    session.answer(0, [[first[1], "relabel", "cat"]])
    session.answer(1, [[second[0], "keep", ""], [second[1], "exclude", ""]])
    table = copies.folder / "decisions.csv"
    assert decisions(table) == {
        ("dog/cat.png", "relabel", "cat", "label-conflict"),
        ("cat/1.png", "keep", "", "duplicate"),
        ("cat/copy.png", "exclude", "", "duplicate"),
    }
    for wrong in (
        [[first[0], "exclude", ""]],
        [[second[0], "relabel", "horse"]],
        [[second[0], "drop", ""]],
        "keep",
        [[1]],
    ):
        with pytest.raises(ValueError, match=r"group|classes|list|decision"):
            session.answer(1, wrong)
    again = opened(copies, mode="duplicates")  # the two of one class are copies of each other now
    assert [group.rule for group in again.groups] == ["duplicate"]
    assert [again.images[i].id for i in again.groups[0].images] == ["cat/2.png", "dog/cat.png"]
    audit = copies.call("audit", copies.spec, "--format", "json", "--set", f"source.decisions={table}")
    failed = {each["rule"] for each in json.loads(audit.stdout)["findings"] if each["status"] == "fail"}
    assert "label-conflict" not in failed


def test_a_gallery_goes_on_with_what_was_decided_and_takes_it_back(copies):
    table = copies.folder / "decisions.csv"
    session = opened(copies, mode="gallery", label="dog")
    assert [image.id for image in session.images] == [f"dog/{i}.png" for i in range(6)] + ["dog/cat.png"]
    session.answer(0, [[0, "exclude", ""]])
    session.answer(6, [[6, "relabel", "cat"]])
    assert decisions(table) == {("dog/0.png", "exclude", "", ""), ("dog/cat.png", "relabel", "cat", "")}
    copies.write(source={"layout": "directory", "path": str(copies.source), "decisions": str(table)})
    again = opened(copies, mode="gallery", label="dog")
    assert [bool(each) for each in again.answers] == [True, *[False] * 5, True]
    again.answer(0, [])
    assert decisions(table) == {("dog/cat.png", "relabel", "cat", "")}


def test_options_without_meaning_are_refused(copies):
    for options, word in (
        (["--mode", "gallery"], "--serve opens it here"),
        (["--class", "cat"], "--mode gallery"),
        (["--mode", "gallery", "--class", "dgo", "--no-open"], "did you mean 'dog'?"),
        (["--mode", "duplicates", "--extend"], "leave the option out"),
        (["x.csv"], "--collect"),
    ):
        done = copies.call("review", copies.spec, *options)
        assert done.returncode == 2
        assert word in done.stderr
