"""`run` reads each image once for audit and convert; what it leaves on disk is what the two commands leave."""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from imgprep.checks.measurements import ROW
from imgprep.commands.one_visit import _worth_it
from imgprep.errors import ResourceError
from imgprep.pipeline.image_reader import ImageReader
from imgprep.pipeline.plan import ShardPlan
from imgprep.pipeline.workspace import Journal
from imgprep.table.sample import Sample, SampleTable
from tests.support.program import Done
from tests.support.project import Project

VISIT = "audit-and-convert: "


def smooth(random: np.random.Generator, height: int, width: int) -> Any:
    return cv2.resize(random.integers(0, 256, (6, 7, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes: small and large images of several kinds, broken ones, duplicates, a turned one."""
    folder = tmp_path_factory.mktemp("visited") / "images"
    random = np.random.default_rng(11)
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(30):
            Image.fromarray(smooth(random, 24, 30)).save(folder / label / f"{number:02}.png")
        for number in range(3):
            Image.fromarray(smooth(random, 300, 420)).save(folder / label / f"large{number}.jpg", quality=90)
            Image.fromarray(smooth(random, 60, 80)).save(folder / label / f"small{number}.jpg", quality=90)
        Image.fromarray(smooth(random, 20, 20)).convert("L").save(folder / label / "grey.png")
        (folder / label / "note.txt").write_text("no image")
        (folder / label / "empty.png").write_bytes(b"")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth(random, 300, 280)).save(folder / "dog" / "turned.jpg", exif=exif, quality=95)
    cv2.imwrite(str(folder / "dog" / "deep.png"), smooth(random, 30, 30).astype(np.uint16) * 257)
    clear = np.dstack([smooth(random, 30, 30), np.arange(900).reshape(30, 30) % 256]).astype(np.uint8)
    Image.fromarray(clear, "RGBA").save(folder / "dog" / "clear.png")
    flat = np.full((400, 500, 3), 77, np.uint8)
    Image.fromarray(flat).save(folder / "dog" / "flat.jpg")
    large = (folder / "cat" / "large0.jpg").read_bytes()
    (folder / "dog" / "cut.jpg").write_bytes(large[: len(large) // 2])
    shutil.copyfile(folder / "cat" / "large0.jpg", folder / "dog" / "again.jpg")
    shutil.copyfile(folder / "cat" / "03.png", folder / "cat" / "again.png")
    return folder


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, but those that tell when and by whom it was made."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock" and not path.name.endswith((".key.json", ".journal.jsonl"))
    }


def said(done: Done) -> list[str]:
    """What the user was told, without progress."""
    return [line for line in done.stderr.splitlines() if not re.search(r" in [\d.]+ s$", line)]


RULES: Mapping[str, Any] = {"class-size": {"min": 1}, "near-duplicate": {"severity": "off"}}
LENIENT: Mapping[str, Any] = {
    **RULES,
    **{rule: {"severity": "warning"} for rule in ("unreadable", "duplicate", "label-conflict", "class-balance-mean")},
}
Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path, images: Path) -> Make:
    """A project over the images that passes its audit, in several shards."""

    def made(**sections: Any) -> Project:
        execution = {"engine": "serial", "max_quarantined": 100}
        convert = {"size": [16, 20], "shard_size": "16 KiB"}
        given = {"execution": execution, "audit": {"rules": LENIENT}, "convert": convert, **sections}
        project = Project(tmp_path, images, {**given, "split": {"near_duplicates": "ignore"}})
        project.write()
        return project

    return made


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs a project without and with a visit, and compares what is on disk, what is said, and the exit status."""

    def compared(project: Project) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr("imgprep.commands.one_visit.visit", lambda *_, **__: None)
            before = project.call("run", project.spec)
        assert VISIT not in before.stderr
        assert project.output.exists(), before.stderr
        kept = project.folder / "before"
        project.output.rename(kept)
        done = project.call("run", project.spec)
        assert VISIT in done.stderr, done.stderr
        assert (done.returncode, said(done), done.stdout) == (before.returncode, said(before), before.stdout)
        assert digests(project.output) == digests(kept)
        return done

    return compared


def test_the_commands_leave_the_same(make: Make) -> None:
    project = make()
    for command in ("audit", "convert", "split", "pack"):
        done = project.call(command, project.spec)
        assert done.returncode == 0, done.stderr
    kept = project.folder / "separately"
    project.output.rename(kept)
    done = project.call("run", project.spec)
    assert done.returncode == 0, done.stderr
    assert VISIT in done.stderr
    assert digests(project.output) == digests(kept)
    assert len([*(kept / "convert").glob("*.h5")]) > 2


def test_masks_decisions_and_a_decoder_that_reduces(
    make: Make, both: Callable[..., Done], tmp_path: Path, images: Path
) -> None:
    """An image that is left out is measured all the same, so that it is known when the decision is taken back."""
    rows = [
        "id,action,value,rule,reason",
        "cat/05.png,exclude,,,dull",
        "dog/large1.jpg,exclude,,,",
        "cat/06.png,relabel,dog,,",
    ]
    rows += ["dog/cut.jpg,exclude,,,cut", "dog/00.png,keep,,exposure,"]
    (tmp_path / "decisions.csv").write_text("\n".join(rows) + "\n")
    source = {"layout": "directory", "path": str(images), "masks": "alpha", "decisions": "decisions.csv"}
    waivers = [{"rule": "unreadable", "reason": "known", "files": "cat/empty.png"}]
    rules = {**LENIENT, "label-errors": {"severity": "warning", "suspects": True}}
    options = {"decode": "fast", "channels": "gray", "steps": ["equalize"], "fit": "pad"}
    convert = {"size": [16, 20], "shard_size": "16 KiB", **options}
    done = both(make(source=source, audit={"rules": rules, "waivers": waivers}, convert=convert))
    assert done.returncode == 0, done.stderr


def test_workers_and_other_pixels(make: Make, both: Callable[..., Done]) -> None:
    execution = {"engine": "processes", "workers": 2, "max_quarantined": 100}
    convert = {"size": [30, 30], "color_profile": "srgb", "alpha": "black", "depth": 16, "shard_size": "64 KiB"}
    pack = {"dtype": "uint16", "normalize": "none"}
    assert both(make(execution=execution, convert=convert, pack=pack)).returncode == 0


def test_what_the_gate_refuses_is_removed(make: Make, both: Callable[..., Done]) -> None:
    project = make(audit={"rules": RULES})
    assert both(project).returncode == 1
    assert {path.name for path in project.output.iterdir()} == {".imgprep", "audit"}
    names = {path.name for path in (project.output / ".imgprep").iterdir()}
    assert not any(name.startswith("convert") for name in names), names


def test_each_file_is_read_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """And decoded once, but for photographs that the audit sees at a part of their size, and for its page."""
    project = make(audit={"rules": RULES})
    reads: Counter[str] = Counter()
    decodes: Counter[str] = Counter()
    read, decode = ImageReader.content, ImageReader.decoded

    def counted(reader: ImageReader, sample: Any) -> Any:
        reads[sample.id] += 1
        return read(reader, sample)

    def decoded(reader: ImageReader, sample: Any, *rest: Any) -> Any:
        decodes[sample.id] += 1
        return decode(reader, sample, *rest)

    monkeypatch.setattr(ImageReader, "content", counted)
    monkeypatch.setattr(ImageReader, "decoded", decoded)
    monkeypatch.setattr("imgprep.commands.audit.thumbnails", lambda *_, **__: {})
    done = project.call("run", project.spec, "--no-gate")
    assert done.returncode == 0, done.stderr
    samples = project.samples()
    assert {*reads} == {id_ for id_, record in samples.items() if record["status"] != "skipped"}
    large = {"large0.jpg", "large1.jpg", "large2.jpg", "turned.jpg", "flat.jpg", "again.jpg"}
    twice = {id_ for id_ in reads if id_.rpartition("/")[2] in large}
    assert {id_ for id_, count in reads.items() if count != 1} == set()
    assert {id_ for id_, count in decodes.items() if count != 1} == twice
    assert max(decodes.values()) == 2


def interrupted(monkeypatch: pytest.MonkeyPatch, project: Project, after: int, error: BaseException) -> Done:
    """A run that ends when so many shards of convert are finished."""
    append, seen = Journal.append, []

    def failing(journal: Journal, plan: str, record: Mapping[str, Any]) -> None:
        append(journal, plan, record)
        if journal.path.name == "convert.journal.jsonl":
            seen.append(plan)
            if len(seen) == after:
                raise error

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", failing)
        return project.call("run", project.spec)


def test_an_interrupted_run_is_resumed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make()
    assert project.call("run", project.spec).returncode == 0
    kept = project.folder / "whole"
    project.output.rename(kept)
    assert interrupted(monkeypatch, project, 3, KeyboardInterrupt()).returncode == 130
    assert not (project.output / "convert" / "dataset.json").exists()
    stamps = project.stamps("convert")
    assert len(stamps) == 3
    done = project.call("run", project.spec)
    assert done.returncode == 0, done.stderr
    assert "convert: 3 of " in done.stderr
    assert stamps.items() <= project.stamps("convert").items()
    assert digests(project.output) == digests(kept)


def test_convert_goes_on_where_a_visit_failed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make()
    done = interrupted(monkeypatch, project, 3, ResourceError("out: cannot write: no space; free some"))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^convert: \d+ images in", done.stderr, re.MULTILINE)
    assert len(project.samples()) > 60


def test_a_finished_convert_is_not_touched_before_the_audit_passed(make: Make) -> None:
    project = make()
    assert project.call("run", project.spec).returncode == 0
    before = project.hashes()
    again = project.call("run", project.spec)
    assert VISIT not in again.stderr
    assert "convert: up to date" in again.stderr
    project.write(audit={"rules": RULES}, convert={"size": [12, 12]})
    refused = project.call("run", project.spec, "--force")
    assert refused.returncode == 1
    assert VISIT not in refused.stderr
    assert project.hashes() == before


def test_with_measurements_from_before_only_convert_reads(make: Make) -> None:
    project = make()
    assert project.call("audit", project.spec).returncode == 0
    done = project.call("run", project.spec)
    assert done.returncode == 0, done.stderr
    assert VISIT not in done.stderr
    assert re.search(r"^convert: \d+ images in", done.stderr, re.MULTILINE)
    assert "images are known from before" in done.stderr


@pytest.mark.parametrize(
    ("sizes", "workers", "worth"),
    [
        ([500, 524], 3, True),
        ([500, 525], 3, False),
        ([500, 525], 2, True),
        ([9000] * 4, 2, True),
        ([13000] * 4, 2, False),
    ],
)
def test_a_visit_leaves_no_worker_idle_and_holds_few_measurements(sizes: list[int], workers: int, worth: bool) -> None:
    tables = {
        size: SampleTable.of(Sample(str(number), str(number), "a") for number in range(size)) for size in {*sizes}
    }
    shards = [ShardPlan(index, f"{index}.h5", None, tables[size], "") for index, size in enumerate(sizes)]
    assert _worth_it(shards, workers, ROW) == worth


def test_images_of_several_sizes_are_refused_after_the_audit(make: Make, both: Callable[..., Done]) -> None:
    project = make(convert={"channels": "rgb"})
    done = both(project)
    assert done.returncode == 2
    assert "all images must agree" in done.stderr
    assert {path.name for path in project.output.iterdir()} == {".imgprep", "audit"}


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [*tmp_path.rglob(".tmp-*")]
