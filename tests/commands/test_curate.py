"""curate: what is proposed, what is never overridden, what is refused, and whether the audit would then pass."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgprep as library
from tests.support.project import Project

HEAD = "id,action,value,reason,rule,by,at\n"
BROKEN = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def drawn(tmp_path: Path) -> Project:
    """Two classes of drawn images: 6 of ash, 5 of oak; one file of oak is broken, and a copy of one of ash is there."""
    made = Project(tmp_path, tmp_path / "images", {"execution": {"engine": "serial"}})
    made.draw(ash=6, oak=5)
    (made.source / "oak" / "broken.png").write_bytes(BROKEN)
    shutil.copy(made.source / "ash" / "000.png", made.source / "ash" / "copy.png")
    made.write()
    return made


def _rows(path: Path) -> list[tuple[str, str, str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["id"], row["action"], row["value"], row["rule"]) for row in csv.DictReader(file)]


def _named(project: Project, **sections: Any) -> None:
    source = {"layout": "directory", "path": str(project.source), "decisions": "decisions.csv"}
    project.write(source=source, **sections)


def test_what_cannot_be_read_and_copies_are_excluded(drawn: Project) -> None:
    assert drawn.call("audit", drawn.spec).returncode == 1
    done = drawn.call("curate", drawn.spec)
    assert done.returncode == 0, done.stderr
    table = drawn.folder / "decisions.csv"
    assert _rows(table) == [
        ("oak/broken.png", "exclude", "", "unreadable"),
        ("ash/copy.png", "exclude", "", "duplicate"),
    ]
    assert "2 new decisions: exclude 1 (unreadable), exclude 1 (duplicate); 0 kept" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["ash", "7", "1", "0", "0", "6"] in lines  # listed, excluded, to others, from others, left
    assert ["oak", "6", "1", "0", "0", "5"] in lines
    assert "the audit would then pass" in done.stdout
    assert "put into the spec, under source:  decisions: decisions.csv" in done.stdout
    _named(drawn)
    assert drawn.call("audit", drawn.spec).returncode == 0
    assert drawn.call("run", drawn.spec).returncode == 0
    assert "the spec names this table already" in drawn.call("curate", drawn.spec).stdout


def test_dry_run_writes_nothing_and_says_the_same(drawn: Project) -> None:
    drawn.call("audit", drawn.spec)
    before = drawn.listing()
    done = drawn.call("curate", drawn.spec, "--dry-run")
    assert done.returncode == 0
    assert "2 new decisions" in done.stdout
    assert "nothing was written" in done.stdout
    assert "the audit would then pass" in done.stdout
    assert drawn.listing() == before


def test_the_verdict_is_that_of_the_audit_with_the_decisions(drawn: Project) -> None:
    _demanding = {"rules": {"class-size": {"min": 6}}}
    drawn.write(audit=_demanding)
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec)
    assert "the audit would still fail:" in done.stdout
    assert "class-size: oak has 5 images, 6 are needed" in done.stdout
    _named(drawn, audit=_demanding)
    assert drawn.call("audit", drawn.spec).returncode == 1
    failing = [each for each in drawn.report()["findings"] if each["status"] == "fail" and each["severity"] == "error"]
    assert [(each["rule"], each["class"]) for each in failing] == [("class-size", "oak")]


def test_of_copies_the_best_is_kept(drawn: Project) -> None:
    pixels = np.add.outer(np.arange(20) * 9, np.arange(24) * 3)[..., None].repeat(3, 2).astype(np.uint8)
    for name, level in (("b.png", 9), ("a.png", 9), ("large.png", 0)):
        Image.fromarray(pixels).save(drawn.source / "ash" / name, compress_level=level)
    small = np.random.default_rng(1).integers(0, 256, (20, 24, 3), np.uint8)
    for name in ("y.png", "x.png"):
        Image.fromarray(small).save(drawn.source / "oak" / name)
    drawn.call("audit", drawn.spec)
    assert drawn.call("curate", drawn.spec).returncode == 0
    excluded = {id_ for id_, *_ in _rows(drawn.folder / "decisions.csv")}
    assert excluded == {"oak/broken.png", "ash/copy.png", "ash/a.png", "ash/b.png", "oak/y.png"}


def test_label_conflicts_are_left_open_unless_told(drawn: Project) -> None:
    shutil.copy(drawn.source / "ash" / "001.png", drawn.source / "oak" / "other.png")
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec)
    pair = {"ash/001.png", "oak/other.png"}
    assert pair.isdisjoint(id_ for id_, *_ in _rows(drawn.folder / "decisions.csv"))
    assert "left open: label-conflict, 2 images" in done.stdout
    assert "the audit would still fail:" in done.stdout
    done = drawn.call("curate", drawn.spec, "--rule", "label-conflict=exclude")
    added = {id_ for id_, action, _, rule in _rows(drawn.folder / "decisions.csv") if rule == "label-conflict"}
    assert added == pair
    assert "2 new decisions: exclude 2 (label-conflict); 2 kept" in done.stdout
    assert "the audit would then pass" in done.stdout


def test_copies_on_both_sides_of_a_split_are_excluded_too(drawn: Project) -> None:
    given = drawn.folder / "given"
    for split, first in (("train", 0), ("test", 3)):
        for label in ("ash", "oak"):
            (given / split / label).mkdir(parents=True)
            for index in range(first, first + 3 if label == "ash" else min(first + 3, 5)):
                shutil.copy(drawn.source / label / f"{index:03d}.png", given / split / label)
    shutil.copy(drawn.source / "ash" / "000.png", given / "test" / "ash" / "leak.png")
    drawn.write(source={"layout": "split_directory", "path": str(given)})
    assert drawn.call("audit", drawn.spec).returncode == 1
    done = drawn.call("curate", drawn.spec)
    assert [id_ for id_, *_ in _rows(drawn.folder / "decisions.csv")] in (
        ["train/ash/000.png"],
        ["test/ash/leak.png"],
    )
    assert "the audit would then pass" in done.stdout, done.stdout


def test_near_duplicates_only_when_told(drawn: Project) -> None:
    image = Image.open(drawn.source / "ash" / "002.png")
    large = image.resize((96, 80), Image.Resampling.BICUBIC)
    large.save(drawn.source / "ash" / "large.png")
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec, "--dry-run")
    assert "left open: near-duplicate, 2 images" in done.stdout
    drawn.call("curate", drawn.spec, "--rule", "near-duplicate=exclude")
    near = [row for row in _rows(drawn.folder / "decisions.csv") if row[3] == "near-duplicate"]
    assert near == [("ash/002.png", "exclude", "", "near-duplicate")]


def test_kept_findings_are_settled(drawn: Project) -> None:
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec, "--rule", "duplicate=keep")
    assert "left open: duplicate" not in done.stdout
    kept = [row for row in _rows(drawn.folder / "decisions.csv") if row[1] == "keep"]
    assert kept == [("ash/000.png", "keep", "", "duplicate"), ("ash/copy.png", "keep", "", "duplicate")]
    _named(drawn)
    drawn.call("audit", drawn.spec)
    assert not [each for each in drawn.report()["findings"] if each["rule"] == "duplicate" and each["status"] == "fail"]


def test_existing_decisions_are_never_lost_or_overridden(drawn: Project) -> None:
    table = drawn.folder / "decisions.csv"
    old = "ash/000.png;exclude;;mine;;ann;\noak/broken.png;keep;;;unreadable;ann;\noak/001.png;relabel;ash;;;ann;\n"
    table.write_text(HEAD.replace(",", ";") + old)
    drawn.call("audit", drawn.spec)
    assert drawn.call("curate", drawn.spec).returncode == 0
    assert table.read_text() == HEAD.replace(",", ";") + old  # nothing to add: the copy is alone now
    (drawn.source / "oak" / "other.png").write_bytes(BROKEN)
    drawn.call("audit", drawn.spec)
    assert "1 new decision: exclude 1 (unreadable); 3 kept" in drawn.call("curate", drawn.spec).stdout
    assert _rows(table) == [
        ("ash/000.png", "exclude", "", ""),
        ("oak/broken.png", "keep", "", "unreadable"),
        ("oak/001.png", "relabel", "ash", ""),
        ("oak/other.png", "exclude", "", "unreadable"),
    ]
    with table.open(newline="") as file:
        rows = [(row["reason"], row["by"]) for row in csv.DictReader(file)]
    assert rows[:3] == [("mine", "ann"), ("", "ann"), ("", "ann")]
    before = table.read_bytes()
    drawn.call("curate", drawn.spec)
    assert table.read_bytes() == before


def test_a_copy_that_somebody_keeps_stays(drawn: Project) -> None:
    (drawn.folder / "decisions.csv").write_text("id,action\nash/copy.png,keep\n")
    drawn.call("audit", drawn.spec)
    drawn.call("curate", drawn.spec)
    assert ("ash/000.png", "exclude", "", "duplicate") in _rows(drawn.folder / "decisions.csv")


def test_another_table_takes_over_the_decisions_of_the_spec(drawn: Project) -> None:
    (drawn.folder / "decisions.csv").write_text("id,action\nash/005.png,exclude\n")
    _named(drawn)
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec, "-o", "other.csv")
    assert _rows(drawn.folder / "other.csv")[0] == ("ash/005.png", "exclude", "", "")
    assert len(_rows(drawn.folder / "other.csv")) == 3
    assert "decisions: other.csv" in done.stdout


def test_wrong_labels_of_a_review_are_corrected_when_told(drawn: Project) -> None:
    review = drawn.folder / "review.csv"
    review.write_text("id,label,reviewed_label\nash/001.png,ash,oak\nash/002.png,ash,ash\noak/001.png,oak,none\n")
    rules = {"class-size": {"min": 1}, "label-errors": {"review": "review.csv", "severity": "warning"}}
    drawn.write(audit={"rules": rules})
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec, "--dry-run")
    assert "left open: label-errors, 2 images" in done.stdout
    drawn.call("curate", drawn.spec, "--rule", "label-errors=relabel")
    rows = [row for row in _rows(drawn.folder / "decisions.csv") if row[3] == "label-errors"]
    assert rows == [("ash/001.png", "relabel", "oak", "label-errors")]


def _no_audit(project: Project) -> None:
    shutil.rmtree(project.output, ignore_errors=True)


def _another_source(project: Project) -> None:
    shutil.copy(project.source / "ash" / "001.png", project.source / "ash" / "new.png")


def _other_rules(project: Project) -> None:
    project.write(audit={"rules": {"class-size": {"min": 2}}})


def _another_stage(project: Project) -> None:
    project.call("audit", project.spec, "--stage", "convert")


def _changed_report(project: Project) -> None:
    path = project.output / "audit" / "report.json"
    path.write_text(json.dumps(json.loads(path.read_bytes())))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_no_audit, "there is no report of an audit yet; run imgprep audit"),
        (_another_source, "out of date, for the source changed since; run imgprep audit"),
        (_other_rules, "out of date, for the section audit of the spec changed since"),
        (_another_stage, "the last audit judged --stage convert"),
        (_changed_report, "is not the report of the last audit"),
    ],
)
def test_an_outdated_audit_is_refused(drawn: Project, change: Callable[[Project], None], said: str) -> None:
    drawn.call("audit", drawn.spec)
    change(drawn)
    done = drawn.call("curate", drawn.spec)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()[-1:]) == 1
    assert not (drawn.folder / "decisions.csv").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rule", "duplicat=exclude"], "did you mean 'duplicate'?"),
        (["--rule", "duplicate=exclud"], "did you mean 'exclude'?"),
        (["--rule", "duplicate"], "expected RULE=ACTION"),
        (["--rule", "class-size=exclude"], "no rule about single images"),
        (["--rule", "duplicate=relabel"], "only label-errors says another label"),
        (["--rule", "label-errors=relabel"], "set review or pred_probs"),
        (["-o", "decisions.json"], "give a name that ends in .csv"),
        (["-o", "none/decisions.csv"], "no such folder"),
        (["-o", "images/decisions.csv"], "the source, which is only read"),
    ],
)
def test_a_wrong_request_is_refused(drawn: Project, options: list[str], said: str) -> None:
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec, *options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_damaged_table_is_refused_with_its_line(drawn: Project) -> None:
    (drawn.folder / "decisions.csv").write_text(HEAD + "ash/000.png,exclud,,,,,\n")
    drawn.call("audit", drawn.spec)
    done = drawn.call("curate", drawn.spec)
    assert (done.returncode, "decisions.csv:2: unknown action" in done.stderr) == (2, True)


def test_from_python(drawn: Project) -> None:
    library.audit(drawn.spec)
    curated = library.curate(drawn.spec, rules={"duplicate": "open"}, dry_run=True)
    assert [(each.id, each.action) for each in curated.new] == [("oak/broken.png", "exclude")]
    assert curated.open["duplicate"] == 2
    assert curated.report.passed
    assert not curated.table.exists()
