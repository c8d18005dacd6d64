"""Every line of bad paths that a collection can hold, through the command line: each gets its verdict, none is lost."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="names and kinds of files that only POSIX has")

Call = Callable[..., Any]
TWINS = tuple(unicodedata.normalize(form, "\u00e9.png") for form in ("NFC", "NFD"))
ACCEPTED = (
    "new\nline.png",
    "%s%n%d.png",
    "-rf.png",
    "<script>alert(1).png",
    "=cmd|' C calc'!A0.png",
    "x" * 251 + ".png",
    "two  blanks.png",
    "\u202egnp.png",
    "\x1b[31mred.png",
    *TWINS,
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, project_type: Any) -> Any:
    """A finished convert of a collection with everything in it that a folder can hold."""
    import cv2

    folder = tmp_path_factory.mktemp("hostile")
    source = folder / "images"
    oak = source / "oak"
    oak.mkdir(parents=True)
    random = np.random.default_rng(5)

    def png() -> bytes:
        return cv2.imencode(".png", random.integers(0, 256, (9, 9, 3), np.uint8))[1].tobytes()

    for name in ACCEPTED:
        (oak / name).write_bytes(png())
    (oak / "good.png").write_bytes(png())
    (oak / "GOOD.png").write_bytes(png())
    Path(os.fsdecode(os.fsencode(str(oak)) + b"/bad\xff\xfename.png")).write_bytes(png())
    (oak / "really-a-png.jpg").write_bytes(png())
    (oak / "x.jpg").mkdir()
    (oak / "x.jpg" / "inside.png").write_bytes(png())
    (oak / "empty.png").write_bytes(b"")
    (oak / "page.jpg").write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")
    (oak / "loop").symlink_to("loop")
    (oak / "parent").symlink_to("..")
    (oak / "dangling.png").symlink_to("nowhere.png")
    secret = folder / "secret.png"
    secret.write_bytes(png())
    (oak / "outside.png").symlink_to(secret)
    (oak / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(oak / "pipe.png")
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(oak)  # the path of a socket may not be long
        bound.bind("s.png")
        os.chdir(here)
    with (oak / "sparse.png").open("wb") as file:
        file.truncate(3 << 30)
    (oak / "locked.png").write_bytes(png())
    (oak / "locked.png").chmod(0)
    (oak / ".DS_Store").write_bytes(b"\0")
    (oak / ".hidden").mkdir()
    (oak / ".hidden" / "a.png").write_bytes(png())
    (source / "README.md").write_text("about")
    (source / "=cmd|' calc'!A0").mkdir()
    (source / "=cmd|' calc'!A0" / "1.png").write_bytes((oak / "good.png").read_bytes())
    (source / "empty class").mkdir()
    project = project_type(folder, source)
    project.write(audit={"rules": {"class-size": {"min": 1}, "unreadable": {"severity": "warning"}}})
    project.done = project.run("run", project.spec, "--no-gate")
    return project


def test_the_run_is_done_with_exit_3_and_accounts_for_everything(hostile: Any) -> None:
    assert hostile.done.returncode == 3, hostile.done.stderr
    records = hostile.samples("convert")
    reasons = {name: record["reason"] for name, record in records.items() if record["status"] == "quarantined"}
    assert all(reasons.values())
    assert not any("\n" in reason for reason in reasons.values())
    bad = {"empty.png", "page.jpg", "loop", "parent/", "dangling.png", "outside.png", "zero.png", "pipe.png"}
    bad |= {"s.png", "sparse.png"} | ({"locked.png"} if os.geteuid() else set())
    assert {name.removeprefix("oak/") for name in reasons} == bad
    skipped = {name for name, record in records.items() if record["status"] == "skipped"}
    assert skipped == {"oak/.DS_Store", "oak/.hidden/", "README.md"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("empty.png", "empty"),
        ("page.jpg", "HTML"),
        ("loop", "circle"),
        ("parent/", "folder above"),
        ("dangling.png", "dangling link"),
        ("outside.png", "out of the source"),
        ("zero.png", "out of the source"),
        ("pipe.png", "named pipe"),
        ("s.png", "socket"),
        ("sparse.png", "over the limit"),
    ],
)
def test_a_reason_says_what_is_wrong(hostile: Any, name: str, words: str) -> None:
    assert words in hostile.samples("convert")[f"oak/{name}"]["reason"]


def test_odd_names_are_accepted_each_with_an_id_of_its_own(hostile: Any) -> None:
    records = hostile.samples("pack")
    for name in ACCEPTED:
        assert records[f"oak/{name}"]["status"] == "ok"
        assert records[f"oak/{name}"]["label"] == "oak"
    assert len(set(TWINS)) == 2
    assert records["oak/x.jpg/inside.png"]["status"] == "ok"
    assert any("bad" in name and "name.png" in name and record["status"] == "ok" for name, record in records.items())
    assert "wrong-extension" in records["oak/really-a-png.jpg"]["flags"]
    assert hostile.manifest("pack")["classes"] == ["=cmd|' calc'!A0", "oak"]


def test_what_is_odd_beside_others_is_flagged_and_said(hostile: Any) -> None:
    records = hostile.samples("convert")
    flags = {name: set(record["flags"]) for name, record in records.items() if record["status"] == "ok"}
    assert flags["oak/x.jpg/inside.png"] == {"folder-named-as-image"}
    assert flags["oak/GOOD.png"] == {"case-twin"}
    assert flags["oak/good.png"] == {"case-twin", "label-conflict"}
    assert flags["=cmd|' calc'!A0/1.png"] == {"label-conflict"}
    for words in (
        "folders without an image are not classes: empty class",
        "2 names (oak/GOOD.png, oak/good.png) differ from another in case only",
        "2 images (=cmd|' calc'!A0/1.png, oak/good.png) have the same bytes as one of another class",
    ):
        assert words in hostile.done.stderr


def test_the_dataset_is_whole_and_loads(hostile: Any, imgprep: Call) -> None:
    import imgprep as package

    assert imgprep("verify", hostile.output).returncode == 0
    ids = {name for name, record in hostile.samples("pack").items() if record["status"] == "ok"}
    dataset = package.load(hostile.output / "convert")
    assert {dataset.ids[row] for row in range(len(dataset))} == ids


@pytest.mark.parametrize("report", ["text", "json", "junit", "sarif", "github", "gitlab", "markdown", "html"])
def test_reports_escape_names_and_labels(hostile: Any, imgprep: Call, report: str) -> None:
    done = imgprep("audit", hostile.spec, "--format", report)
    assert done.returncode in {0, 1}
    assert "\x1b" not in done.stdout
    assert "new\nline" not in done.stdout
    assert "\u202e" not in done.stdout
    if report == "html":
        assert "<script>alert" not in done.stdout
    if report in {"json", "sarif", "gitlab"}:
        json.loads(done.stdout)


def test_tables_neutralise_formulas(hostile: Any) -> None:
    for path in (hostile.output / "split").glob("*.csv"):
        for line in path.read_text("utf-8").splitlines():
            assert not line.startswith(("=", '"=', "+", "@"))


def test_a_show_of_odd_names_is_plain(hostile: Any, imgprep: Call) -> None:
    shown = imgprep("show", hostile.output)
    assert shown.returncode == 0
    assert "=cmd|' calc'!A0" in shown.stdout


ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
LIMITED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if ROOT else []
"""Root may read everything unless it gives that up."""


@pytest.mark.skipif(bool(LIMITED and shutil.which("setpriv") is None), reason="root may read everything")
def test_what_may_not_be_read_costs_itself(new_project: Call, tmp_path: Path) -> None:
    import cv2

    source = tmp_path / "closed"
    for name in ("ash/1.png", "ash/locked.png", "ash/closed/2.png", "oak/1.png"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(source / name), np.random.default_rng(7).integers(0, 256, (9, 9, 3), np.uint8))
    project = new_project(source)
    (source / "ash" / "locked.png").chmod(0)
    (source / "ash" / "closed").chmod(0)
    try:
        command = [*LIMITED, sys.executable, "-m", "imgprep", "convert", str(project.spec), "-q"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=project.folder, timeout=100, check=False)
    finally:
        (source / "ash" / "closed").chmod(0o700)
    assert done.returncode == 3, done.stderr
    reasons = {name: record["reason"] for name, record in project.samples("convert").items()}
    assert reasons.pop("ash/1.png") == reasons.pop("oak/1.png") == ""
    assert reasons == {
        "ash/closed/": "cannot list the folder: Permission denied",
        "ash/locked.png": "cannot be opened: Permission denied",
    }


@pytest.mark.skipif(not ROOT, reason="only root makes devices")
def test_a_device_is_not_opened(new_project: Call, tmp_path: Path, imgprep: Call) -> None:
    import cv2

    (tmp_path / "devices" / "ash").mkdir(parents=True)
    assert cv2.imwrite(str(tmp_path / "devices" / "ash" / "1.png"), np.zeros((9, 9, 3), np.uint8))
    try:
        for name, kind, number in (("zero.png", stat.S_IFCHR, (1, 5)), ("ram.png", stat.S_IFBLK, (1, 0))):
            os.mknod(tmp_path / "devices" / "ash" / name, kind | 0o666, os.makedev(*number))
    except PermissionError:
        pytest.skip("no devices in this container")
    project = new_project(tmp_path / "devices")
    assert imgprep("convert", project.spec, "-q").returncode == 3
    reasons = {name: record["reason"] for name, record in project.samples("convert").items()}
    device = "not a regular file: device"
    assert reasons == {"ash/1.png": "", "ash/ram.png": device, "ash/zero.png": device}


CHANGES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "rewritten": (lambda path, other: path.write_bytes(other.read_bytes()), "changed since it was listed"),
    "removed": (lambda path, _: path.unlink(), "vanished"),
    "cut": (lambda path, _: os.truncate(path, path.stat().st_size // 2), "changed since it was listed"),
    "a pipe now": (lambda path, _: (path.unlink(), os.mkfifo(path)), "named pipe"),
    "a folder now": (lambda path, _: (path.unlink(), path.mkdir()), "a directory"),
    "a link out now": (lambda path, other: (path.unlink(), path.symlink_to(other)), "symbolic link"),
    "in a folder that is a link out now": (
        lambda path, other: (path.parent.rename(other.with_name("moved")), path.parent.symlink_to(other.parent)),
        "changed since it was listed",
    ),
}


@pytest.mark.parametrize("how", CHANGES)
def test_what_changes_during_the_run_costs_itself(
    new_project: Call, tmp_path: Path, imgprep: Call, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The change comes when the source is listed and nothing is read yet."""
    import cv2

    from imgprep.sources import trees

    source = tmp_path / "changing"
    random = np.random.default_rng(6)
    for name in ("ash/1.png", "ash/2.png", "oak/1.png"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(source / name), random.integers(0, 256, (9, 9, 3), np.uint8))
    outside = tmp_path / "outside" / "1.png"
    outside.parent.mkdir()
    assert cv2.imwrite(str(outside), np.full((8, 9, 3), 66, np.uint8))
    project = new_project(source, execution={"engine": "serial"})
    change, words = CHANGES[how]
    walk = trees.walk_together

    def changing(*arguments: Any) -> Any:
        yield from walk(*arguments)
        change(source / "oak" / "1.png", outside)

    monkeypatch.setattr(trees, "walk_together", changing)
    done = imgprep("convert", project.spec)
    assert done.returncode == 3, done.stderr
    records = project.samples("convert")
    assert {name: record["status"] for name, record in records.items()} == {
        "ash/1.png": "ok",
        "ash/2.png": "ok",
        "oak/1.png": "quarantined",
    }
    assert words in records["oak/1.png"]["reason"]
    monkeypatch.setattr(trees, "walk_together", walk)
    again = imgprep("convert", project.spec)
    assert again.returncode == (0 if how in {"rewritten", "removed", "a folder now"} else 3), again.stderr
