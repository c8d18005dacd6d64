"""Decisions in the spec: every layout and command sees them, they are counted, and their damage is refused."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from imgprep.commands import main
from imgprep.commands.audit import Choice
from imgprep.commands.session import Request
from imgprep.errors import RequestError
from tests.support.project import Project
from tests.support.specs import write_spec

MakeRequest = Callable[..., Request]
HEAD = "id,action,value,reason,rule,by,at\n"


@pytest.fixture
def drawn(tmp_path: Path) -> Project:
    """Two classes of drawn images: 6 of ash, 5 of oak; and decisions beside the spec."""
    made = Project(tmp_path, tmp_path / "images", {"execution": {"engine": "serial"}})
    made.draw(ash=6, oak=5)
    return made


def _decide(project: Project, *rows: str, **sections: Any) -> Path:
    (project.folder / "decisions.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows), "utf-8")
    source = {"layout": "directory", "path": str(project.source), "decisions": "decisions.csv"}
    return project.write(**{"source": source, **sections})


def test_excluded_images_are_skipped_and_relabelled_ones_say_their_original_label(drawn: Project) -> None:
    spec = _decide(
        drawn,
        "ash/000.png,exclude,,a broken tile,unreadable,ann,",
        "ash/001.png,relabel,oak,,,,",
        "oak/002.png,keep,,,blur,,",
    )
    done = drawn.call("run", spec)
    assert done.returncode == 0, done.stderr
    assert "decisions: 1 excluded, 1 relabelled, 1 kept" in done.stderr
    assert "Decisions  1 excluded, 1 relabelled, 1 kept" in done.stdout
    digest = hashlib.sha256((drawn.folder / "decisions.csv").read_bytes()).hexdigest()
    for stage in ("convert", "split", "pack"):
        records = drawn.samples(stage)  # found = ok + quarantined + skipped
        assert records["ash/000.png"]["status"] == "skipped"
        assert "a broken tile" in records["ash/000.png"]["reason"]
        assert records["ash/000.png"]["shard"] is None
        assert records["ash/001.png"]["label"] == "oak"
        assert records["ash/001.png"]["original_label"] == "ash"
        assert [id_ for id_, record in records.items() if "original_label" in record] == ["ash/001.png"]
        manifest = drawn.manifest(stage)
        assert manifest["samples"] == {"found": 11, "ok": 10, "quarantined": 0, "skipped": 1}
        assert manifest["decisions"] == {"sha256": digest, "excluded": 1, "relabelled": 1, "kept": 1}
    assert drawn.manifest("convert")["counts"] == {"all": {"ash": 4, "oak": 6}}
    report = drawn.report()
    assert report["decisions"] == {"excluded": 1, "relabelled": 1, "kept": 1}
    assert report["images"] == 10
    assert all(word in (drawn.output / "audit" / "report.html").read_text("utf-8") for word in report["decisions"])
    done = drawn.call("audit", spec, "--format", "text")
    assert "(10 images; decisions: 1 excluded, 1 relabelled, 1 kept;" in done.stdout
    shown = drawn.call("show", drawn.output)
    assert f"1 excluded, 1 relabelled, 1 kept; table {digest[:16]}" in shown.stdout
    assert drawn.call("verify", drawn.output).returncode == 0


def test_without_decisions_nothing_is_said_of_them(drawn: Project) -> None:
    assert drawn.call("convert", drawn.write()).returncode == 0
    assert "decisions" not in drawn.manifest("convert")
    assert "original_label" not in (drawn.output / "convert" / "samples.jsonl").read_text("utf-8")


def test_the_source_is_only_read(drawn: Project) -> None:
    before = {path: path.read_bytes() for path in drawn.source.rglob("*.png")}
    assert drawn.call("run", _decide(drawn, "ash/000.png,exclude,,,,,")).returncode == 0
    assert before == {path: path.read_bytes() for path in drawn.source.rglob("*.png")}


def test_a_decision_about_no_image_is_a_warning(drawn: Project) -> None:
    done = drawn.call("convert", _decide(drawn, "fir/9.png,exclude,,,,,", "ash/000.png,relabel,ash,,,,"))
    assert done.returncode == 0
    assert "warning: 1 id is of no image here (fir/9.png)" in done.stderr
    assert "1 decision changes nothing" in done.stderr
    assert drawn.manifest("convert")["decisions"]["excluded"] == 0


def test_an_id_in_another_spelling_is_found(drawn: Project) -> None:
    assert drawn.call("convert", _decide(drawn, ".\\ash\\000.png,exclude,,,,,")).returncode == 0
    assert drawn.samples()["ash/000.png"]["status"] == "skipped"


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        (["ash/000.png,exclud,,,,,"], 2, "did you mean 'exclude'?"),
        (["ash/000.png,relabel,oka,,,,"], 2, "unknown class 'oka'; did you mean 'oak'?"),
        (["ash/000.png,relabel,fir,,,,"], 2, "list a new class in source.classes"),
        (["ash/000.png,keep,,,bluur,,"], 2, "did you mean 'blur'?"),
        (["ash/000.png,keep,,,class-size,,"], 2, "accept its failure with a waiver"),
        (["ash/000.png,exclude,,,,,", "ash/000.png,keep,,,,,"], 3, "another decision in line 2"),
        (["ash/000.png,exclude,,,,,", "ash\\000.png,keep,,,,,"], 3, "the image of line 2 too"),
        (["ash/000.png,exclude"], 2, "fields where the header has 7"),
    ],
)
@pytest.mark.parametrize("command", ["audit", "convert"])
def test_a_damaged_table_is_refused_with_its_line(
    drawn: Project, rows: list[str], line: int, said: str, command: str
) -> None:
    done = drawn.call(command, _decide(drawn, *rows))
    assert done.returncode == 2
    assert f"decisions.csv:{line}: " in done.stderr
    assert said in done.stderr
    assert not (drawn.output / "convert").exists()


def test_a_missing_table_and_one_that_leaves_nothing_are_refused(drawn: Project) -> None:
    source = {"layout": "directory", "path": str(drawn.source), "decisions": "decisions.csv"}
    done = drawn.call("audit", drawn.write(source=source))
    assert (done.returncode, "leave the key out until imgprep curate has written it" in done.stderr) == (2, True)
    rows = [
        f"{label}/{index:03d}.png,exclude,,,,," for label, count in (("ash", 6), ("oak", 5)) for index in range(count)
    ]
    done = drawn.call("audit", _decide(drawn, *rows))
    assert (done.returncode, "all images are excluded" in done.stderr) == (2, True)


def test_a_new_class_must_be_listed_and_an_empty_one_goes(drawn: Project) -> None:
    rows = [f"oak/{index:03d}.png,relabel,fir,,,," for index in range(5)]
    source = {"layout": "directory", "path": str(drawn.source), "decisions": "decisions.csv"}
    spec = _decide(drawn, *rows, source=source | {"classes": ["ash", "fir"]})
    assert drawn.call("convert", spec).returncode == 0
    assert drawn.manifest("convert")["counts"] == {"all": {"ash": 6, "fir": 5}}
    done = drawn.call("convert", _decide(drawn, *(f"oak/{index:03d}.png,relabel,ash,,,," for index in range(5))))
    assert done.returncode == 0
    assert drawn.manifest("convert")["classes"] == ["ash"]


def test_a_changed_decision_reruns_what_it_must(drawn: Project) -> None:
    one_each = {"convert": {"size": [8, 8], "shard_size": "192 B"}}
    assert drawn.call("convert", _decide(drawn, "oak/000.png,keep,,,blur,,", **one_each)).returncode == 0
    before = drawn.stamps("convert")
    assert len(before) == 11
    done = drawn.call("convert", _decide(drawn, "oak/000.png,keep,,,blur,,", **one_each))
    assert "up to date" in done.stdout
    done = drawn.call("convert", _decide(drawn, "oak/000.png,keep,,,exposure,,", **one_each))
    assert "11 of 11 shards were finished already" in done.stderr
    assert drawn.call("convert", _decide(drawn, "oak/000.png,relabel,ash,,,,", **one_each)).returncode == 0
    after = drawn.stamps("convert")
    assert {name for name in before if before[name] != after[name]} == {"shard-00006-of-00011.h5"}


def test_nothing_is_measured_again_for_a_decision(drawn: Project) -> None:
    assert drawn.call("audit", drawn.write()).returncode == 0
    done = drawn.call("audit", _decide(drawn, "oak/000.png,exclude,,,,,", "ash/000.png,relabel,oak,,,,"))
    assert "11 images are known from before" in done.stderr


@pytest.mark.parametrize("layout", ["csv", "json", "npz", "hdf5", "split_directory", "hierarchy", "dataset"])
def test_every_layout_takes_decisions(drawn: Project, layout: str) -> None:
    folder, first, second = drawn.folder, "ash/000.png", "oak/000.png"
    source: dict[str, Any] = {"layout": layout, "path": str(drawn.source)}
    if layout in {"csv", "json"}:
        paths = sorted(path.relative_to(folder).as_posix() for path in drawn.source.rglob("*.png"))
        rows = [{"location": path, "label": path.split("/")[1]} for path in paths]
        table = folder / f"t.{layout}"
        lines = "label,location\n" + "".join(f"{row['label']},{row['location']}\n" for row in rows)
        table.write_text(json.dumps(rows) if layout == "json" else lines)
        source["path"], first, second = str(table), "images/ash/000.png", "images/oak/000.png"
    elif layout in {"npz", "hdf5"}:
        pixels = np.random.default_rng(1).integers(0, 256, (6, 9, 9, 3), np.uint8)
        arrays = {"image": pixels, "label": np.array([0, 0, 0, 1, 1, 1], np.uint8)}
        np.savez(folder / "t.npz", **arrays)
        with h5py.File(folder / "t.hdf5", "w") as file:
            file.update(arrays)
        source |= {"path": str(folder / f"t.{layout}"), "class_names": ["ash", "oak"]}
        first, second = f"t.{layout}#0", f"t.{layout}#3"
    elif layout == "split_directory":
        shutil.move(drawn.source, folder / "train")
        shutil.copytree(folder / "train", folder / "images" / "train")
        first, second = f"train/{first}", f"train/{second}"
    elif layout == "dataset":
        other = write_spec(folder, name="o", output=str(folder / "o"), source=source | {"layout": "directory"})
        assert drawn.call("convert", other).returncode == 0
        source["path"] = str(folder / "o" / "convert")
    spec = _decide(
        drawn, f"{first},exclude,,x,,,", f"{second},relabel,ash,,,,", source=source | {"decisions": "decisions.csv"}
    )
    done = drawn.call("convert", spec)
    assert done.returncode == 0, done.stderr
    records = drawn.samples()
    assert (records[first]["status"], records[second]["label"]) == ("skipped", "ash")
    assert records[second]["original_label"] == "oak"
    assert "1 excluded, 1 relabelled, 0 kept" in done.stderr


def test_dry_run_and_preview_see_decisions(drawn: Project) -> None:
    spec = _decide(drawn, "oak/000.png,exclude,,,,,")
    assert "11 found = 10 ok + 0 quarantined + 1 skipped" in drawn.call("convert", spec, "--dry-run").stdout
    done = drawn.call("preview", spec, "-o", "sheet.png")
    assert (done.returncode, "1 excluded" in done.stderr) == (0, True)
    done = drawn.call("review", spec, "--sample", "50")
    assert done.returncode == 0, done.stderr
    assert "oak/000.png" not in (drawn.output / "audit" / "review.csv").read_text()


def _failing(project: Project, rule: str, stage: str = "source") -> list[dict[str, Any]]:
    project.call("audit", project.spec, "--stage", stage)
    return [each for each in project.report()["findings"] if each["rule"] == rule and each["status"] == "fail"]


@pytest.mark.parametrize("stage", ["source", "convert"])
def test_copies_that_are_all_kept_are_settled_and_others_are_not(drawn: Project, stage: str) -> None:
    shutil.copy(drawn.source / "ash" / "000.png", drawn.source / "ash" / "copy.png")
    drawn.write()
    assert [each["samples"] for each in _failing(drawn, "duplicate", stage)] == [["ash/000.png", "ash/copy.png"]]
    _decide(drawn, "ash/000.png,keep,,,duplicate,,")
    assert [each["samples"] for each in _failing(drawn, "duplicate", stage)] == [["ash/000.png", "ash/copy.png"]]
    _decide(drawn, "ash/000.png,keep,,,duplicate,,", "ash/copy.png,keep,,,near-duplicate,,")
    assert len(_failing(drawn, "duplicate", stage)) == 1
    _decide(drawn, "ash/000.png,keep,,,duplicate,,", "ash/copy.png,keep,,,,,")
    assert _failing(drawn, "duplicate", stage) == []
    _decide(drawn, "ash/copy.png,exclude,,,duplicate,,")
    assert _failing(drawn, "duplicate", stage) == []


def test_relabelling_settles_a_label_conflict(drawn: Project) -> None:
    shutil.copy(drawn.source / "ash" / "000.png", drawn.source / "oak" / "copy.png")
    drawn.write()
    assert len(_failing(drawn, "label-conflict")) == 1
    _decide(drawn, "oak/copy.png,relabel,ash,,,,")
    assert _failing(drawn, "label-conflict") == []


def test_single_images_that_are_kept_no_longer_count(drawn: Project) -> None:
    rules = {"class-size": {"min": 1}, "blur": {"min": 1e9, "severity": "error"}}
    drawn.write(audit={"rules": rules})
    assert sum(len(each["samples"]) for each in _failing(drawn, "blur")) == 11
    kept = [f"ash/{index:03d}.png,keep,,,blur,," for index in range(6)]
    _decide(drawn, *kept, audit={"rules": rules})
    assert [each["class"] for each in _failing(drawn, "blur")] == ["oak"]
    _decide(drawn, *kept, *(f"oak/{index:03d}.png,keep,,,,," for index in range(5)), audit={"rules": rules})
    assert drawn.call("audit", drawn.spec).returncode == 0
    assert drawn.call("run", drawn.spec).returncode == 0


def test_leakage_is_settled_by_name_only(drawn: Project) -> None:
    for split, label in (("train", "ash"), ("test", "ash"), ("train", "oak"), ("test", "oak")):
        shutil.copytree(drawn.source / label, drawn.folder / "given" / split / label)
    for path in (drawn.folder / "given" / "test").rglob("*.png"):
        if path.name != "000.png":
            path.write_bytes(path.read_bytes()[:-12] + b"IEND")
    source = {"layout": "split_directory", "path": str(drawn.folder / "given"), "decisions": "decisions.csv"}
    rows = [f"{split}/{label}/000.png,keep,,," for split in ("train", "test") for label in ("ash", "oak")]
    _decide(drawn, *(f"{row},," for row in rows), source=source)
    assert len(_failing(drawn, "split-leakage")) >= 2
    _decide(drawn, *(f"{row}split-leakage,," for row in rows), source=source)
    kept = {f"{split}/{label}/000.png" for split in ("train", "test") for label in ("ash", "oak")}
    assert not any(set(each["samples"]) <= kept for each in _failing(drawn, "split-leakage"))


@pytest.mark.parametrize(
    ("waiver", "code"),
    [
        ({"reason": "known"}, 0),
        ({"reason": "known", "class": "oak"}, 0),
        ({"reason": "known", "files": "oak/b*"}, 0),
        ({"reason": "known", "files": "ash/*"}, 1),
        ({"reason": "known", "until": "2020-01-01"}, 1),
    ],
)
def test_a_waiver_that_satisfies_audit_satisfies_run(drawn: Project, waiver: dict[str, str], code: int) -> None:
    (drawn.source / "oak" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    rules = {"class-size": {"min": 1}}
    spec = drawn.write(audit={"rules": rules, "waivers": [{"rule": "unreadable", **waiver}]})
    assert drawn.call("audit", spec).returncode == code
    assert drawn.call("run", spec).returncode == code
    assert drawn.call("convert", spec).returncode == (0 if code == 0 else 3)
    assert drawn.call("audit", spec, "--stage", "convert").returncode == code


@pytest.mark.parametrize("row", ["oak/broken.png,exclude,,,,,", "oak/broken.png,keep,,,unreadable,,"])
def test_a_decision_about_a_broken_file_satisfies_audit_and_run(drawn: Project, row: str) -> None:
    (drawn.source / "oak" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert drawn.call("run", drawn.write()).returncode == 1
    spec = _decide(drawn, row)
    assert drawn.call("audit", spec).returncode == 0
    assert drawn.call("run", spec).returncode == 0
    assert drawn.call("audit", spec, "--stage", "convert").returncode == 0


def test_a_baseline_that_satisfies_audit_satisfies_run(drawn: Project) -> None:
    (drawn.source / "oak" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    spec = drawn.write()
    assert drawn.call("audit", spec).returncode == 1
    baseline = drawn.folder / "baseline.json"
    shutil.copy(drawn.output / "audit" / "report.json", baseline)
    assert drawn.call("audit", spec, "--baseline", baseline).returncode == 0
    done = drawn.call("run", spec, "--baseline", baseline)
    assert done.returncode == 0, done.stderr


def test_an_audit_of_a_stage_counts_decisions(request_for: MakeRequest, collection: Path, tmp_path: Path) -> None:
    first = min(collection.rglob("*.png")).relative_to(collection).as_posix()
    (tmp_path / "decisions.csv").write_text(f"id,action\n{first},exclude\n")
    source = {"layout": "directory", "path": str(collection), "decisions": "decisions.csv"}
    for stage in ("convert", "split", "pack"):
        report = main.audit(request_for("audit.rules.class-size.min=1", source=source), Choice(stage)).report
        assert report.decisions == {"excluded": 1, "relabelled": 0, "kept": 0}
    with pytest.raises(RequestError, match=r"decisions\.csv: cannot read|no file or folder"):
        main.audit(request_for(source=source | {"decisions": "other.csv"}))
