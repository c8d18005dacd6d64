"""Planted faults, end to end: audit, curate, a scripted person, run; all are decided, every image accounted for."""

import csv
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tests.support.project import Project


class Planted(NamedTuple):
    """The ids of planted faults; of a wrong label the right one, of a near copy the original."""

    wrong: dict[str, str]
    copies: dict[str, str]
    near: dict[str, str]
    broken: list[str]


class Faults(NamedTuple):
    """How many faults of each kind."""

    wrong: int
    copies: int
    near: int
    broken: int


def _plant(root: Path, faults: Faults) -> Planted:
    """Plants faults into folders of classes, each into another image."""
    random = np.random.default_rng(0)
    classes = sorted(folder.name for folder in root.iterdir())
    files = sorted(path for path in root.rglob("*") if path.is_file())
    chosen = iter([files[index] for index in random.permutation(len(files))])
    planted = Planted({}, {}, {}, [])
    for _ in range(faults.wrong):
        path = next(chosen)
        label = path.parent.name
        other = classes[(classes.index(label) + 1 + int(random.integers(len(classes) - 1))) % len(classes)]
        there = path.rename(root / other / f"{label}-{path.name}")
        planted.wrong[there.relative_to(root).as_posix()] = label
    for _ in range(faults.copies):
        path = next(chosen)
        there = path.with_name(f"zz-copy-{path.name}")
        shutil.copy(path, there)
        planted.copies[there.relative_to(root).as_posix()] = path.relative_to(root).as_posix()
    for _ in range(faults.near):
        path = next(chosen)
        there = path.with_name(f"zz-near-{path.stem}.png")
        ImageEnhance.Brightness(Image.open(path).convert("RGB")).enhance(1.05).save(there)
        planted.near[there.relative_to(root).as_posix()] = path.relative_to(root).as_posix()
    for number in range(faults.broken):
        path = next(chosen)
        there = path.with_name(f"broken-{number}{path.suffix}")
        data = path.read_bytes()
        there.write_bytes(data[: len(data) // 3])
        planted.broken.append(there.relative_to(root).as_posix())
    return planted


def _person(table: Path, planted: Planted, report: dict[str, Any]) -> None:
    """Looks at the clusters of the audit and at the labels, and adds what it decides to the table."""
    near = {*planted.near}
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for id_, label in planted.wrong.items():
        rows[id_, "relabel"] = (label, "seen", "label-errors")
    for id_ in near:
        rows[id_, "exclude"] = ("", "nearly a copy", "near-duplicate")
    for finding in report["findings"]:
        if finding["rule"] == "near-duplicate" and finding["status"] == "fail":
            for id_ in set(finding["samples"]) - near:
                rows[id_, "keep"] = ("", "another picture", "near-duplicate")
    with table.open(newline="", encoding="utf-8") as file:
        excluded = {row["id"] for row in csv.DictReader(file) if row["action"] == "exclude"}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [id_, action, *rest, "a person", ""] for (id_, action), rest in rows.items() if id_ not in excluded
    )
    with table.open("a", encoding="utf-8") as file:
        file.write(text.getvalue())


def _decide_all(project: Project, planted: Planted) -> None:
    """Audit, curate, person, run; and what must hold then."""
    before = {path: path.stat().st_mtime_ns for path in project.source.rglob("*") if path.is_file()}
    audited = project.call("audit", project.spec)
    assert audited.returncode == 1, audited.stderr
    table = project.folder / "decisions.csv"
    curated = project.call("curate", project.spec)
    assert curated.returncode == 0, curated.stderr
    _person(table, planted, project.report())
    source = {"layout": "directory", "path": str(project.source), "decisions": "decisions.csv"}
    project.write(source=source)
    done = project.call("run", project.spec)
    assert done.returncode == 0, done.stderr + done.stdout
    assert project.call("audit", project.spec).returncode == 0

    for stage in ("convert", "split", "pack"):
        decisions = project.manifest(stage)["decisions"]
        assert decisions["sha256"] == hashlib.sha256(table.read_bytes()).hexdigest()
    records = project.samples("pack")  # found = ok + quarantined + skipped
    assert len(records) == len(before)
    counts = project.manifest("pack")["samples"]
    assert counts["quarantined"] == 0
    for id_ in planted.broken:
        assert records[id_]["status"] == "skipped"
        assert records[id_]["reason"].startswith("excluded by a decision: ")
    assert all(records[id_]["status"] == "skipped" for id_ in planted.near)
    for copy, original in planted.copies.items():
        assert {records[copy]["status"], records[original]["status"]} == {"ok", "skipped"}
    for id_, label in planted.wrong.items():
        record = records[id_]
        assert record["label"] == label
        assert record["original_label"] == id_.split("/")[0]
    relabelled = [id_ for id_, record in records.items() if "original_label" in record]
    assert sorted(relabelled) == sorted(planted.wrong)
    assert decisions["relabelled"] == len(planted.wrong)
    assert decisions["excluded"] == counts["skipped"] >= len(planted.broken) + len(planted.copies) + len(planted.near)
    open_ = [
        each["rule"]
        for each in project.report()["findings"]
        if each["rule"] in {"unreadable", "duplicate", "near-duplicate", "label-conflict"} and each["status"] == "fail"
    ]
    assert open_ == []
    assert before == {path: path.stat().st_mtime_ns for path in before}
    report = json.loads(project.call("audit", project.spec, "--format", "json").stdout)
    assert report["decisions"] == {key: decisions[key] for key in ("excluded", "relabelled", "kept")}


@pytest.mark.slow
def test_planted_faults_among_drawn_images(new_project: Callable[..., Project], tmp_path: Path) -> None:
    project = new_project(tmp_path / "images")
    project.draw(ash=40, elm=40, oak=40)
    _decide_all(project, _plant(project.source, Faults(wrong=9, copies=6, near=5, broken=4)))


@pytest.mark.slow
def test_planted_faults_in_cifar10(new_project: Callable[..., Project], shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "cifar10.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    project = new_project(tmp_path / "cifar10" / "train", split={"near_duplicates": "ignore"})
    _decide_all(project, _plant(project.source, Faults(wrong=300, copies=100, near=50, broken=20)))
