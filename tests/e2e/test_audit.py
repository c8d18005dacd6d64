"""The audit from outside: collections made to break rules, waivers, baselines, reports, stages, signals."""

import csv
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cv2
import h5py
import jsonschema
import numpy as np
import pytest

from imgprep.checks.base import Evidence
from imgprep.checks.label_evidence import Review
from imgprep.checks.reports.json import schema
from imgprep.checks.rules.labels import LabelErrors
from imgprep.table.sample import Sample, SampleTable
from tests.support import specs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
Call = Callable[..., subprocess.CompletedProcess[str]]
COUNTED = ("class-size", "class-balance-mean", "class-balance-max")
RULES_OFF = {"class-size": {"min": 1}, "none-class": {"severity": "off"}}


def write_spec(folder: Path, source: dict[str, Any], rules: dict[str, Any] | None = None, **sections: Any) -> Path:
    """A spec in a folder of its own, with an output beside it."""
    content = {
        "name": "test",
        "audit": {"rules": RULES_OFF | (rules or {})} | sections.pop("audit", {}),
        "convert": {"size": [16, 16]},
        "execution": {"workers": 2},
    }
    return specs.write_spec(folder, source, **content | sections)


def textured(path: Path, seed: int, size: tuple[int, int] = (40, 40)) -> None:
    """A picture of soft blobs; another seed gives another picture."""
    small = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC))


@pytest.fixture
def audited(imgprep: Call) -> Callable[..., tuple[int, dict[str, list[dict[str, Any]]]]]:
    """Audits a spec; gives the exit code and the findings of each rule."""

    def call(spec: Path, *options: object) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        done = imgprep("audit", spec, "--format", "json", *options)
        assert done.returncode in {0, 1}, done.stderr
        report = json.loads(done.stdout)
        jsonschema.validate(report, schema())
        assert report["passed"] == (done.returncode == 0)
        found: dict[str, list[dict[str, Any]]] = {}
        for finding in report["findings"]:
            found.setdefault(finding["rule"], []).append(finding)
        return done.returncode, found

    return call


def failing(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["status"] == "fail"]


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    """Two classes of 12 textured pictures, no two alike."""
    folder = tmp_path / "blobs"
    for number, label in enumerate(("fir", "yew")):
        for index in range(12):
            textured(folder / label / f"{index:02d}.png", 100 * number + index)
    return folder


def directory(folder: Path) -> dict[str, Any]:
    return {"layout": "directory", "path": str(folder)}


# What is found in collections made to break a rule


def test_the_same_picture_under_two_labels_fails(blobs, tmp_path, audited):
    shutil.copy(blobs / "fir/00.png", blobs / "yew/copy.png")
    code, found = audited(write_spec(tmp_path, directory(blobs)))
    (conflict,) = failing(found["label-conflict"])
    assert code == 1
    assert sorted(conflict["samples"]) == ["fir/00.png", "yew/copy.png"]
    assert conflict["class"] is None
    (duplicate,) = failing(found["duplicate"])
    assert duplicate["severity"] == "warning"


def test_duplicates_and_near_duplicates_warn(blobs, tmp_path, audited):
    shutil.copy(blobs / "fir/03.png", blobs / "fir/again.png")
    pixels = cv2.imread(str(blobs / "yew/05.png"))
    assert cv2.imwrite(str(blobs / "yew/paler.png"), cv2.convertScaleAbs(pixels, alpha=0.97, beta=3))
    code, found = audited(write_spec(tmp_path, directory(blobs)))
    assert code == 0
    assert [sorted(finding["samples"]) for finding in failing(found["duplicate"])] == [["fir/03.png", "fir/again.png"]]
    near = [sorted(finding["samples"]) for finding in failing(found["near-duplicate"])]
    assert ["yew/05.png", "yew/paler.png"] in near


@pytest.mark.parametrize("stage", ["source", "convert"])
def test_leakage_between_the_splits_of_the_source(tmp_path, audited, stage):
    folder = tmp_path / "images"
    for number, split in enumerate(("train", "test")):
        for index in range(8):
            for place, label in enumerate(("fir", "yew")):
                textured(folder / split / label / f"{index}.png", 1000 * number + 100 * place + index)
    spec = write_spec(tmp_path, {"layout": "split_directory", "path": str(folder)})
    code, found = audited(spec, "--stage", stage)
    assert (code, failing(found["split-leakage"])) == (0, [])
    original = cv2.imread(str(folder / "train/fir/2.png"))
    paler = cv2.convertScaleAbs(original, alpha=0.9, beta=10)
    for copy in (original, paler, cv2.resize(original, (90, 70), interpolation=cv2.INTER_AREA)):
        assert cv2.imwrite(str(folder / "test/fir/leak.png"), copy)
        code, found = audited(spec, "--stage", stage)
        (leak,) = failing(found["split-leakage"])
        assert (code, leak["severity"]) == (1, "error")
        assert sorted(leak["samples"]) == ["test/fir/leak.png", "train/fir/2.png"]


def test_unreadable_files_are_named_with_their_reason(blobs, tmp_path, audited):
    path = blobs / "fir/00.png"
    path.write_bytes(path.read_bytes()[:300])
    code, found = audited(write_spec(tmp_path, directory(blobs)))
    (bad,) = failing(found["unreadable"])
    assert (code, bad["class"], bad["samples"]) == (1, "fir", ["fir/00.png"])
    assert "fir: 1 file cannot be used: " in bad["message"]
    code, found = audited(tmp_path / "spec.yaml", "--stage", "convert")
    assert failing(found["unreadable"])[0]["samples"] == ["fir/00.png"]


# Evidence is measured once


def test_a_second_audit_decodes_nothing_and_a_change_is_noticed(blobs, tmp_path, imgprep):
    spec = write_spec(tmp_path, directory(blobs))
    first = imgprep("audit", spec, "--format", "json")
    cache = tmp_path / "out/.imgprep/evidence/source"
    files = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    second = imgprep("audit", spec, "--format", "json")
    assert files
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == files
    assert second.stdout == first.stdout
    assert "24 images are known from before" in second.stderr
    textured(blobs / "fir/00.png", 101)  # the first picture of yew has the seed 100
    shutil.copy(blobs / "yew/00.png", blobs / "fir/01.png")
    third = imgprep("audit", spec, "--format", "json")
    assert third.returncode == 1
    assert {path.name for path in cache.iterdir()}.isdisjoint(files)


def test_labels_may_change_without_a_new_look(tmp_path, imgprep):
    for index in range(4):
        textured(tmp_path / f"images/{index}.png", index)
    table = tmp_path / "images/table.csv"
    table.write_text("location,label\n" + "".join(f"{index}.png,{'ab'[index % 2]}\n" for index in range(4)), "utf-8")
    spec = write_spec(tmp_path, {"layout": "csv", "path": str(table)})
    assert imgprep("audit", spec).returncode == 0
    table.write_text("location,label\n" + "".join(f"{index}.png,{'cd'[index % 2]}\n" for index in range(4)), "utf-8")
    assert "known from before" in imgprep("audit", spec).stderr


def test_memory_does_not_grow_with_the_images(tmp_path):
    script = (
        "import resource, sys; from imgprep.cli.exit_status import run; code = run(['audit', sys.argv[1], '-q']);"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    peaks = []
    for count in (1000, 20_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        pixels = np.random.default_rng(1).integers(0, 256, (count, 8, 8, 3), np.uint8)
        np.savez(folder / "images.npz", x_train=pixels, y_train=np.arange(count) % 4)
        rules = {name: {"severity": "off"} for name in ("near-duplicate", "blur", "exposure", "background")}
        spec = write_spec(folder, {"layout": "npz", "path": str(folder / "images.npz")}, rules)
        done = subprocess.run([sys.executable, "-c", script, spec], capture_output=True, text=True, check=False)
        code, peak = map(int, done.stderr.split()[-2:])
        assert code in {0, 1}, done.stderr
        peaks.append(peak / 1024)
    assert peaks[1] - peaks[0] < 60, f"{peaks} MiB for 1,000 and for 20,000 images"


# Severity, waivers, baseline, custom rules


def test_waivers_excuse_expire_and_are_counted(blobs, tmp_path, audited):
    (blobs / "fir/11.png").unlink()
    sizes = {"class-size": {"min": 12}}

    def run(**waiver: Any) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        waivers = [{"rule": "class-size", "reason": "a dry year"} | waiver]
        return audited(write_spec(tmp_path, directory(blobs), audit={"rules": RULES_OFF | sizes, "waivers": waivers}))

    code, found = run(**{"class": "fir"})
    assert code == 0
    assert failing(found["class-size"])[0]["severity"] == "off"
    assert "a dry year" in failing(found["class-size"])[0]["message"]
    code, found = run(**{"class": "yew"})
    assert code == 1
    assert (found["waiver"][0]["severity"], "excuses nothing" in found["waiver"][0]["message"]) == ("warning", True)
    code, found = run(**{"class": "fir", "until": "2020-01-31"})
    assert code == 1
    assert "expired on 2020-01-31" in found["waiver"][0]["message"]


def test_a_baseline_fails_only_on_what_is_new(blobs, tmp_path, audited, imgprep):
    spec = write_spec(tmp_path, directory(blobs))
    shutil.copy(blobs / "fir/00.png", blobs / "yew/copy.png")
    assert audited(spec)[0] == 1
    baseline = tmp_path / "baseline.json"
    shutil.copy(tmp_path / "out/audit/report.json", baseline)
    code, found = audited(spec, "--baseline", baseline)
    assert code == 0
    assert "known in the baseline" in failing(found["label-conflict"])[0]["message"]
    shutil.copy(blobs / "yew/04.png", blobs / "fir/copy.png")
    code, found = audited(spec, "--baseline", baseline)
    assert code == 1
    new = [finding for finding in failing(found["label-conflict"]) if finding["severity"] == "error"]
    assert [sorted(finding["samples"]) for finding in new] == [["fir/copy.png", "yew/04.png"]]
    baseline.write_text("{}", "utf-8")
    done = imgprep("audit", spec, "--baseline", baseline)
    assert (done.returncode, "no audit report" in done.stderr) == (2, True)


CUSTOM = """
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from imgprep.checks.base import Evidence, Finding, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class EvenNumbers(Rule):
    id: ClassVar[str] = "even-numbers"
    source: ClassVar[str] = "house rules"
    most: int = 100

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for name, count in evidence.counts.items():
            good = count % 2 == 0 and count <= self.most
            yield self.finding("pass" if good else "fail", f"{name} has {count} images, an even number is needed", name)
"""


def test_a_rule_of_the_users_own_lies_beside_the_spec(blobs, tmp_path, audited, imgprep):
    project = tmp_path / "elsewhere"
    project.mkdir()
    (project / "house_rules_of_test.py").write_text(CUSTOM, "utf-8")
    spec = write_spec(project, directory(blobs), {"house_rules_of_test:EvenNumbers": {"most": 50}})
    code, found = audited(spec)
    assert (code, [finding["status"] for finding in found["even-numbers"]]) == (0, ["pass", "pass"])
    (blobs / "fir/00.png").unlink()
    code, found = audited(spec)
    assert (code, failing(found["even-numbers"])[0]["class"]) == (1, "fir")
    line = next(n for n, text in enumerate(spec.read_text("utf-8").splitlines(), 1) if "EvenNumbers" in text)
    done = imgprep("audit", spec, "--format", "github")
    assert f"::error file=elsewhere/spec.yaml,line={line},title=even-numbers::fir has 11 images" in done.stdout
    spec = write_spec(project, directory(blobs), {"no_such_module:Rule": {}})
    done = imgprep("audit", spec)
    assert done.returncode == 2
    assert "no_such_module" in done.stderr


# Reports, each through the command line


@pytest.fixture
def broken(blobs, tmp_path) -> Path:
    """A spec whose collection fails in several ways, under a name that needs care."""
    shutil.copy(blobs / "fir/00.png", blobs / "yew/<b>&copy.png")
    (blobs / "fir/empty.png").write_bytes(b"")
    return write_spec(tmp_path, directory(blobs), {"class-size": {"min": 13}})


def test_every_format_is_valid(broken, imgprep, tmp_path):
    out = {}
    for name in ("text", "json", "junit", "sarif", "github", "gitlab", "markdown", "html"):
        done = imgprep("audit", broken, "--format", name)
        assert done.returncode == 1, done.stderr
        out[name] = done.stdout
    jsonschema.validate(json.loads(out["json"]), schema())
    assert out["json"] == (tmp_path / "out/audit/report.json").read_text("utf-8")
    suites = ET.fromstring(out["junit"])
    assert len(suites.findall(".//failure")) == int(suites.attrib["failures"]) >= 3
    sarif = json.loads(out["sarif"])
    assert sarif["version"] == "2.1.0"
    assert {"class-size", "label-conflict", "unreadable"} <= {r["ruleId"] for r in sarif["runs"][0]["results"]}
    lines = broken.read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "class-size" in line)
    annotations = [line for line in out["github"].splitlines() if "title=class-size" in line]
    assert annotations
    assert all(f"line={at}," in line for line in annotations)
    issues = json.loads(out["gitlab"])
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert out["markdown"].startswith("## Audit of test: FAILED")
    assert "yew/<b>" not in out["html"]
    assert "data:image/jpeg;base64," in out["html"]
    assert out["html"].strip() == (tmp_path / "out/audit/report.html").read_text("utf-8").strip()
    metrics = json.loads((tmp_path / "out/audit/metrics.json").read_bytes())
    assert (metrics["passed"], metrics["class_size_max"]) == (0, 13)
    assert all(isinstance(value, int | float) for value in metrics.values())


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_page_opens_in_a_browser_with_every_section_and_image(broken, imgprep, tmp_path):
    report = json.loads(imgprep("audit", broken, "--format", "json").stdout)
    page = tmp_path / "out/audit/report.html"
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    assert ":CONSOLE" not in done.stderr
    open_rules = {f["rule"] for f in report["findings"] if f["status"] == "fail" and f["severity"] != "off"}
    for section in {"overview", "classes", "rest"} | open_rules:
        assert f'<section id="{section}">' in done.stdout
    assert done.stdout.count("<img src=") >= 4
    assert "yew/&lt;b&gt;&amp;copy.png" in done.stdout


def test_wrong_requests_end_with_2(blobs, tmp_path, imgprep):
    review = tmp_path / "review.csv"
    review.write_text("id,label\nfir/00.png,fir\n", "utf-8")
    spec = write_spec(tmp_path, directory(blobs), {"label-errors": {"review": "review.csv"}})
    done = imgprep("audit", spec)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{review}:1: the column reviewed_label is missing" in done.stderr
    review.write_text("id,label,reviewed_label\nfir/00.png,fir,fir\nfir/00.png,fir,yew\n", "utf-8")
    assert f"{review}:3: fir/00.png is there twice" in imgprep("audit", spec).stderr
    assert not (tmp_path / "out").exists()
    assert imgprep("audit", spec, "--format", "pdf").returncode == 2
    assert imgprep("audit", spec, "--stage", "verify").returncode == 2


def test_a_closed_pipe_is_no_error(blobs, tmp_path):
    spec = write_spec(tmp_path, directory(blobs))
    command = f"{sys.executable} -m imgprep audit {spec} --format json | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert done.returncode in {0, 141}
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_an_audit_cleanly(new_project, large_images, waiting):
    project = new_project(large_images)
    cache = project.output / ".imgprep/evidence/source"
    with project.start("audit", project.spec) as process:
        waiting(cache.is_dir, "the audit to begin")
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err
    waiting(lambda: not project.processes(), "the workers to end")
    assert not (project.output / "audit/report.json").exists()


# Stages


AUGMENT = {"per_class": 12, "transforms": [{"flip": {"horizontal": 0.5}}], "stress": ["inverted"]}


def test_the_stages_are_judged(blobs, tmp_path, audited, imgprep):
    spec = write_spec(tmp_path, directory(blobs), {"class-size": {"min": 12}}, augment=AUGMENT)
    code, found = audited(spec, "--stage", "augment")
    assert (code, set(found)) == (0, {*COUNTED, "split-leakage", "split-coverage"})
    assert {finding["observed"] for finding in found["class-size"]} == {12}
    options = ("--stage", "pack", "--set", 'pack.normalize={"standardize": "channel"}')
    code, found = audited(spec, *options)
    assert code == 0
    assert found["packed-statistics"][0]["status"] == "pass"
    assert {"packed-values", "packed-counts", "packed-evaluation", "class-size"} <= set(found)
    bare = write_spec(tmp_path, directory(blobs))
    done = imgprep("audit", bare, "--stage", "augment")
    assert (done.returncode, "augment: the section is missing" in done.stderr) == (2, True)
    assert audited(bare, "--stage", "pack", "--set", "pack.layout=by_class")[0] == 0


def test_a_damaged_packed_dataset_is_found(blobs, tmp_path, audited):
    spec = write_spec(tmp_path, directory(blobs))
    assert audited(spec, "--stage", "pack")[0] == 0
    path = next((tmp_path / "out/pack").glob("train-*.h5"))
    with h5py.File(path, "r+") as shard:
        shard["image"][0, 0, 0, 0] = np.nan
        shard["image"][1, 0, 0, 0] = 3.0
        shard["label"][1] = 1 - shard["label"][1]
        ids = [value.decode() for value in shard["id"][:2]]
    code, found = audited(spec, "--stage", "pack")
    (values,) = failing(found["packed-values"])
    assert (code, values["samples"]) == (1, ids[:1])
    assert "leave the range 0 to 1" in values["message"]
    assert {finding["class"] for finding in failing(found["packed-counts"])} == {"fir", "yew"}


def test_how_far_a_collection_moved(blobs, tmp_path, audited):
    other = tmp_path / "other"
    for label in ("fir", "yew"):
        for index in range(30):
            textured(other / label / f"{index:02d}.png", hash((label == "fir", index)) % 2**31)
    (tmp_path / "b").mkdir()
    dark = tmp_path / "dark"
    for path in sorted(other.rglob("*.png")):
        place = dark / path.relative_to(other)
        place.parent.mkdir(parents=True, exist_ok=True)
        shade = 3 if path.parent.name == "fir" else 1
        assert cv2.imwrite(str(place), cv2.imread(str(path)) // shade)
    spec, reference = write_spec(tmp_path, directory(dark)), write_spec(tmp_path / "b", directory(other))
    _, found = audited(spec, "--reference", reference)
    assert {finding["class"]: finding["status"] for finding in found["drift"]} == {"fir": "fail", "yew": "pass"}


def damage(folder: Path) -> str:
    """Spoils a packed dataset: a value, a label and the parent of a test image, the id of which it gives."""
    with h5py.File(next(folder.glob("train-*.h5")), "r+") as shard:
        shard["image"][0, 0, 0, 0] = np.nan
        shard["label"][1] = 1 - shard["label"][1]
    with h5py.File(next(folder.glob("test-*.h5")), "r+") as shard:
        shard["parent"][0] = "fir/00.png"
        return str(shard["id"][0].decode())


def test_packed_rules_have_severities_and_waivers(blobs, tmp_path, audited):
    assert audited(write_spec(tmp_path, directory(blobs)), "--stage", "pack")[0] == 0
    augmented = damage(tmp_path / "out/pack")

    def run(rules: dict[str, Any], *waivers: dict[str, Any]) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        audit = {"rules": RULES_OFF | rules, "waivers": [{"reason": "known"} | waiver for waiver in waivers]}
        return audited(write_spec(tmp_path, directory(blobs), audit=audit), "--stage", "pack")

    code, found = run({"packed-values": {"severity": "off"}, "packed-counts": {"severity": "warning"}})
    assert (code, "packed-values" in found) == (1, False)
    assert {finding["severity"] for finding in found["packed-counts"]} == {"warning"}
    (finding,) = failing(found["packed-evaluation"])
    assert (finding["severity"], finding["samples"]) == ("error", [augmented])
    off = {"packed-values": {"severity": "off"}}
    known = [{"rule": "packed-counts", "class": name} for name in ("fir", "yew")]
    glob = {"rule": "packed-evaluation", "files": augmented[:4] + "*"}
    code, found = run(off, *known, glob)
    assert (code, "waiver" in found) == (0, False)
    assert {finding["severity"] for finding in failing(found["packed-counts"])} == {"off"}
    code, found = run(off, *known, {"rule": "packed-evaluation", "files": "oak/*"})
    assert (code, "excuses nothing" in found["waiver"][0]["message"]) == (1, True)
    code, found = run(off, *known, glob | {"until": "2020-01-31"})
    assert (code, "expired on 2020-01-31" in found["waiver"][0]["message"]) == (1, True)


def test_drift_has_a_severity_settings_and_waivers(blobs, tmp_path, audited):
    (tmp_path / "b").mkdir()
    other = tmp_path / "other"
    for index in range(25):
        textured(other / "fir" / f"{index:02d}.png", 100 + index)
    reference = write_spec(tmp_path / "b", directory(other))

    def run(rules: dict[str, Any], *waivers: dict[str, Any]) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        audit = {"rules": RULES_OFF | rules, "waivers": [{"rule": "drift", "reason": "new"} | each for each in waivers]}
        return audited(write_spec(tmp_path, directory(blobs), audit=audit), "--reference", reference)

    code, found = run({})
    assert (code, [finding["class"] for finding in failing(found["drift"])]) == (0, ["yew"])
    assert run({"drift": {"severity": "error"}})[0] == 1
    assert "drift" not in run({"drift": {"severity": "off"}})[1]
    code, found = run({"drift": {"severity": "error"}}, {"class": "yew"})
    assert (code, "waiver" in found) == (0, False)
    assert run({"drift": {"severity": "error"}}, {"class": "yew", "until": "2020-01-31"})[0] == 1
    spec = write_spec(
        tmp_path, directory(blobs), audit={"rules": RULES_OFF, "waivers": [{"rule": "drift", "reason": "x"}]}
    )
    code, found = audited(spec)
    assert (code, {"drift", "waiver"} & set(found)) == (0, set())


# Reviews


def fill_in(path: Path, wrong: set[str]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    text = io.StringIO()
    writer = csv.DictWriter(text, ("id", "label", "reviewed_label"), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row | {"reviewed_label": "other" if row["id"] in wrong else row["label"]})
    path.write_text(text.getvalue(), "utf-8")


def test_a_review_from_the_draw_to_the_verdict(blobs, tmp_path, imgprep, audited):
    (blobs / "yew/00.png").rename(blobs / "yew/=1+1.png")
    textured(blobs / "=cmd/0.png", 900)
    spec = write_spec(tmp_path, directory(blobs))
    table, page = tmp_path / "r/review.csv", tmp_path / "r/review.html"
    done = imgprep("review", spec, "--sample", 25, "-o", table)
    assert done.returncode == 0, done.stderr
    lines = table.read_text("utf-8").splitlines()
    assert lines[0] == "id,label,reviewed_label"
    assert len(lines) == 26
    assert "'=cmd/0.png,'=cmd," in lines
    assert page.read_text("utf-8").count("data:image/jpeg;base64,") == 25
    assert imgprep("review", spec, "--sample", 25, "-o", table).returncode == 0
    fill_in(table, {"fir/03.png"})
    done = imgprep("review", spec, "--sample", 25, "-o", table)
    assert (done.returncode, "holds labels that somebody gave" in done.stderr) == (2, True)
    setting = f"audit.rules.label-errors.review={table}"
    _, found = audited(spec, "--set", setting)
    (finding,) = found["label-errors"]
    assert finding["observed"] == pytest.approx(0.04)  # one of 25, and every image is reviewed
    assert finding["samples"] == ["fir/03.png"]
    assert finding["status"] == "fail"
    _, found = audited(spec, "--set", setting, "--set", "audit.rules.label-errors.budget=0.05")
    assert found["label-errors"][0]["status"] == "pass"
    assert imgprep("review", spec, "--sample", 5, "-o", table, "--force").returncode == 0
    assert len(table.read_text("utf-8").splitlines()) == 6
    assert imgprep("review", spec, "--sample", 5, "-o", tmp_path / "spec.yaml").returncode == 2


def test_predictions_are_read(blobs, tmp_path, audited):
    ids = [f"{label}/{index:02d}.png" for label in ("fir", "yew") for index in range(12)]
    probabilities = np.tile([0.9, 0.1], (24, 1))
    probabilities[12:] = [0.1, 0.9]
    probabilities[3] = [0.05, 0.95]
    np.savez(tmp_path / "p.npz", ids=np.array(ids), pred_probs=probabilities)
    spec = write_spec(tmp_path, directory(blobs), {"label-errors": {"pred_probs": "p.npz"}})
    _, found = audited(spec)
    assert "fir/03.png" in found["label-errors"][1]["samples"]


# Real data


@pytest.fixture(scope="session")
def cifar(shared_data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cifar")
    with tarfile.open(shared_data / "cifar10.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "cifar10/train"


@pytest.mark.slow
def test_cifar10_passes_exactly_and_fails_without_one_image(cifar, tmp_path, audited):
    copy = tmp_path / "train"
    shutil.copytree(cifar, copy, copy_function=os.link)
    spec = write_spec(tmp_path, directory(copy), {"class-size": {"min": 1000}})
    code, found = audited(spec)
    assert {finding["status"] for finding in found["class-size"]} == {"pass"}
    assert {finding["observed"] for finding in found["class-size"]} == {1000}
    assert failing(found["unreadable"]) == []
    started = time.monotonic()
    assert audited(spec)[0] == code
    again = time.monotonic() - started
    next((copy / "frog").iterdir()).unlink()
    started = time.monotonic()
    code, found = audited(spec)
    assert code == 1
    (small,) = failing(found["class-size"])
    assert (small["class"], small["observed"], small["message"]) == (
        "frog",
        999,
        "frog has 999 images, 1000 are needed",
    )
    assert again < 30


def mnist_labels(folder: Path) -> np.ndarray:
    with gzip.open(folder / "mnist/train-labels-idx1-ubyte.gz") as file:
        return np.frombuffer(file.read()[8:], np.uint8)


def planted(labels: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    wrong = random.permutation(len(labels))[: round(share * len(labels))]
    changed = labels.copy()
    changed[wrong] = (labels[wrong] + random.integers(1, 10, len(wrong))) % 10
    return changed


@pytest.mark.slow
@pytest.mark.parametrize(("share", "never"), [(0.03, "fail"), (0.06, "pass")])
def test_planted_label_errors_in_mnist_are_never_misjudged(shared_data, share, never):
    from imgprep.checks.review import draw_review

    truth = mnist_labels(shared_data)[:20_000]
    classes = tuple("0123456789")
    covered = 0
    random = np.random.default_rng(1)
    labels = planted(truth, share, random)
    table = SampleTable.of(Sample(str(row), "", classes[label]) for row, label in enumerate(labels.tolist()))
    statuses = []
    for seed in range(100):
        rows = draw_review(table, 2000, seed)
        ids = tuple(map(str, rows.tolist()))
        review = Review(ids, tuple(classes[labels[row]] for row in rows), tuple(classes[truth[row]] for row in rows))
        (finding,) = LabelErrors()(Evidence("mnist", table, classes, review=review))
        statuses.append(finding.status)
        low, high = (float(part.split()[0]) / 100 for part in finding.message.split("(")[1].split(" to ")[:2])
        covered += low <= share <= high
    assert never not in statuses
    assert covered >= 90  # of 100; the bound of 95 % over 1,000 reviews is in tests/checks/test_intervals.py


@pytest.mark.slow
def test_suspects_in_mnist(shared_data, tmp_path, audited):
    with gzip.open(shared_data / "mnist/train-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + 784 * 10_000), np.uint8)[16:].reshape(-1, 28, 28)
    truth = mnist_labels(shared_data)[:10_000]
    labels = planted(truth, 0.03, np.random.default_rng(5))
    np.savez(tmp_path / "digits.npz", x_train=pixels, y_train=labels)
    source = {"layout": "npz", "path": str(tmp_path / "digits.npz")}
    _, found = audited(write_spec(tmp_path, source, {"label-errors": {"suspects": True}}))
    finding = found["label-errors"][1]
    assert "estimate" in finding["message"]
    suspects = {int(sample.rpartition("#")[2].rpartition("/")[2]) for sample in finding["samples"]}
    wrong = set(np.flatnonzero(labels != truth).tolist())
    assert len(suspects & wrong) >= 0.9 * len(wrong)
    assert len(suspects & wrong) >= 0.8 * len(suspects)
