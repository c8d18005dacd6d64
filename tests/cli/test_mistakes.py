"""Mistakes of every kind in what a command is given: one line of what, where and what to do, and nothing is written.

What an image, a table of images, a container or a server can hold is tried in tests/faults; here are the other
arguments and files: tables of decisions and reviews, reports, datasets, names of files to be written.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.project import Project

Content = str | bytes | None
DECISIONS: Final = "id,action,value,reason,rule,by,at\n"
REVIEW: Final = "id,label,reviewed_label\n"
JUNK: Final[Mapping[str, Content]] = {
    "empty": b"", "text": "hello", "picture": b"\x89PNG\r\n\x1a\n\0\0", "list": "[]", "number": "1",
    "deep": "[" * 200_000, "NaN": '{"version": NaN}', "UTF-16": '{"version": 1}'.encode("utf-16"),
    "Latin-1": b'{"version": "\xe9"}', "folder": None,
}  # fmt: skip
# what it is -> content, line, words of the message
TABLES: Final[Mapping[str, tuple[str, Content, int, str]]] = {
    "decisions in UTF-16": ("decisions", DECISIONS.encode("utf-16"), 1, "UTF-8"),
    "decisions in Latin-1": ("decisions", DECISIONS.encode() + b"ash/000.png,exclude,,caf\xe9,,,\n", 2, "UTF-8"),
    "decisions, short row": ("decisions", DECISIONS + "ash/000.png,exclude\n", 2, "2 fields where the header has 7"),
    "decisions, long row": ("decisions", DECISIONS + "a,keep,,,,,,x\n", 2, "8 fields where the header has 7"),
    "decisions, open quote": ("decisions", DECISIONS + '"ash/000.png,exclude,,,,,\n', 2, "close it"),
    "decisions, NUL": ("decisions", DECISIONS + "ash/0\0.png,exclude,,,,,\n", 2, "NUL"),
    "decisions, picture": ("decisions", JUNK["picture"], 1, "UTF-8"),
    "decisions, empty": ("decisions", "", 1, "the table is empty"),
    "decisions, no id": ("decisions", "action,value\nexclude,\n", 1, "no column 'id'"),
    "decisions, no action": ("decisions", "id\nash/000.png\n", 1, "no column 'action'"),
    "decisions, action": ("decisions", DECISIONS + "ash/000.png,exclud,,,,,\n", 2, "did you mean 'exclude'?"),
    "decisions, class": ("decisions", DECISIONS + "ash/000.png,relabel,elmm,,,,\n", 2, "unknown class 'elmm'"),
    "decisions, no class": ("decisions", DECISIONS + "ash/000.png,relabel,,,,,\n", 2, "give the new label"),
    "decisions, rule": ("decisions", DECISIONS + "ash/000.png,keep,,,blurr,,\n", 2, "did you mean 'blur'?"),
    "decisions, twice": ("decisions", DECISIONS + "a,keep,,,,,\na,exclude,,,,,\n", 3, "in line 2"),
    "review in UTF-16": ("review", REVIEW.encode("utf-16"), 1, "UTF-8"),
    "review in Latin-1": ("review", REVIEW.encode() + b"caf\xe9,ash,ash\n", 2, "UTF-8"),
    "review, short row": ("review", REVIEW + "ash/000.png,ash\n", 2, "2 fields where the header has 3"),
    "review, open quote": ("review", REVIEW + '"ash/000.png,ash,ash\n', 2, "close it"),
    "review, no column": ("review", "id,label\nash/000.png,ash\n", 1, "reviewed_label is missing"),
    "review, no class": ("review", REVIEW + "ash/000.png,ash,ahs\n", 2, "did you mean 'ash'?"),
    "review, twice": ("review", REVIEW + "ash/000.png,ash,ash\nash/000.png,ash,elm\n", 3, "in line 2"),
    "review, empty": ("review", "", 1, "the table is empty"),
}
SETTINGS: Final = {"decisions": "source.decisions", "review": "audit.rules.label-errors.review"}
SPEC, OUT, IMAGE = "spec.yaml", "out", "images/ash/000.png"
# what is wrong -> arguments, words of the message
REQUESTS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "a folder of images as spec": (("run", "images"), "is a folder, not a spec; write one for its images"),
    "an archive as spec": (("run", "images.tar.gz"), "is no spec; write one for the images that it holds or lists"),
    "a table as spec": (("audit", "labels.csv"), "imgprep init labels.csv"),
    "a folder of images as reference": (("audit", SPEC, "--reference", "images"), "imgprep init images"),
    "a folder of images as dataset": (("verify", "images"), "run the stage first"),
    "a spec as dataset": (("verify", SPEC), "give the output folder that it names"),
    "a spec to show": (("show", SPEC), "give the output folder that it names"),
    "a spec to export": (("export", SPEC, "--to", "imagefolder", "-o", "new"), "give the output folder that it names"),
    "a spec and a dataset": (("diff", SPEC, OUT), "give two of a kind"),
    "no spec": (("convert", "nothing.yaml"), "nothing.yaml: there is no such file; `imgprep init` writes"),
    "no image": (("preprocess", "out/pack", "nothing.png", "-o", "x.npy"), "nothing.png: no such file"),
    "an empty argument": (("init", ""), "perhaps a variable of the shell is not set"),
    "an address": (("init", "https://example.com/images.zip"), "download it"),
    "a sheet that is no PNG": (("preview", SPEC, "-o", "x.jpg"), "x.jpg: the contact sheet is a PNG file; give a name"),
    "an array that is no npy": (("preprocess", "out/pack", IMAGE, "-o", "x.npz"), "ends in .npy"),
    "a spec that is a picture": (("init", "images", "-o", "x.jpg"), "a spec is a YAML file; give a name"),
    "decisions that are no CSV": (("curate", SPEC, "-o", "x.txt"), "ends in .csv"),
    "a review that is no CSV": (("review", SPEC, "-o", "x.txt", "--no-serve"), "ends in .csv"),
    "a page that is no HTML": (("review", SPEC, "--page", "x.txt"), "ends in .html"),
    "a sheet in no folder": (("preview", SPEC, "-o", "no/x.png"), "no: no such folder; make it first"),
    "an array in no folder": (("preprocess", "out/pack", IMAGE, "-o", "no/x.npy"), "no: no such folder; make it first"),
    "a spec in no folder": (("init", "images", "-o", "no/x.yaml"), "no: no such folder; make it first"),
    "decisions in no folder": (("curate", SPEC, "-o", "no/x.csv"), "no: no such folder; make it first"),
    "a page in no folder": (("review", SPEC, "--page", "no/x.html"), "no: no such folder; make it first"),
    "a sheet in a file": (("preview", SPEC, "-o", f"{SPEC}/x.png"), "is a file, not a folder"),
    "a spec in a file": (("init", "images", "-o", f"{SPEC}/x.yaml"), "is a file, not a folder"),
    "a review in a file": (("review", SPEC, "-o", f"{SPEC}/x.csv", "--no-serve"), "is a file, not a folder"),
    "an export in a file": (("export", "out/convert", "--to", "imagefolder", "-o", f"{SPEC}/x"), "is a file, not"),
    "an export into a file": (("export", "out/convert", "--to", "imagefolder", "-o", SPEC), "give a new one to -o"),
    "an output that is a file": (("convert", SPEC, "--output", SPEC), "is not a folder; choose another one"),
    "a sheet that is a folder": (("preview", SPEC, "-o", "images"), "is a folder; give the name of a file"),
    "a sheet in the source": (("preview", SPEC, "-o", "images/x.png"), "lies in the source, which is only read"),
    "decisions in the source": (("curate", SPEC, "-o", "images/x.csv"), "lies in the source, which is only read"),
    "a review in the source": (("review", SPEC, "-o", "images/x.csv", "--no-serve"), "lies in the source, which"),
    "a page in the source": (("review", SPEC, "--page", "images/x.html"), "lies in the source, which is only read"),
    "an output in the source": (("convert", SPEC, "--output", "images/out"), "lies inside the source folder; choose"),
    "an output around everything": (("convert", SPEC, "--output", "/"), "choose another one, or empty it"),
    "a folder as table": (("convert", SPEC, "--set", "source.layout=csv"), "is a folder, a file is needed; check"),
    "a folder as probabilities": (
        ("audit", SPEC, "--set", "audit.rules.label-errors.pred_probs=images"), "save both in one npz file"),
    "text as probabilities": (
        ("audit", SPEC, "--set", f"audit.rules.label-errors.pred_probs={SPEC}"), "cannot read the arrays"),
    "a column of no table": (("init", "images", "--label", "breed", "-o", "x.yaml"), "leave it out, or give the table"),
    "a split of no meaning": (("init", "images", "--split", "a", "-o", "x.yaml"), "expected NAME=SPLIT"),
    "a layout": (("init", "images", "--layout", "dirctory", "-o", "x.yaml"), "did you mean 'directory'?"),
    "a format": (("audit", SPEC, "--format", "yaml"), "expected one of text, json"),
    "a format of differences": (("diff", SPEC, SPEC, "--format", "htm"), "did you mean 'html'?"),
    "a stage": (("work", SPEC, "--stage", "convrt", "--part", "1/2"), "did you mean 'convert'?"),
    "a part": (("work", SPEC, "--stage", "convert", "--part", "3/2"), "expected I/N with I from 1 to N"),
    "a kind of export": (("export", "out/convert", "--to", "imagfolder", "-o", "new"), "did you mean 'imagefolder'?"),
    "a kind of file": (
        ("export", "out/convert", "--to", "imagefolder", "-o", "new", "--files", "gif"), "known are copy, jpeg"),
    "a rule": (("curate", SPEC, "--rule", "blr=exclude"), "did you mean 'blur'?"),
    "an action": (("curate", SPEC, "--rule", "blur=delete"), "the actions are exclude, relabel, keep, open"),
    "a setting without a value": (("convert", SPEC, "--set", "seed"), "expected KEY=VALUE"),
    "a setting of no key": (("convert", SPEC, "--set", "convert..size=3"), "expected KEY=VALUE with a dotted key"),
    "a setting that is no YAML": (("convert", SPEC, "--set", "convert.size=[1,"), "is not YAML"),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Everything made of two classes."""
    folder = tmp_path_factory.mktemp("mistakes")
    project = Project(folder, folder / "images", {"execution": {"engine": "serial"}})
    project.draw(ash=5, elm=5)
    project.write(split={"test": 1, "validation": 1})
    done = project.call("run", project.spec, "--no-gate")
    assert done.returncode == 0, done.stderr
    (folder / "images.tar.gz").write_bytes(b"\x1f\x8b")
    (folder / "labels.csv").write_text("id,label\n")
    return project


@pytest.fixture
def refused(finished: Project) -> Callable[..., str]:
    """Runs a command that must be refused with a status and one line, and must change no file; gives the line."""

    def run(*arguments: object, status: int = 2) -> str:
        before = _files(finished.folder)
        done = finished.call(*arguments)
        assert done.returncode == status, done.stderr
        line = done.stderr.removesuffix("\n")
        assert line.startswith("imgprep: error: ")
        assert line.isprintable(), line  # one line, without anything that steers a terminal
        assert ": " in line.removeprefix("imgprep: error: ") or "; " in line
        assert done.stdout == ""
        assert _files(finished.folder) == before
        return line

    return run


def _files(folder: Path) -> dict[Path, int]:
    """Files with their times, but for what is only remembered."""
    paths = (path for path in folder.rglob("*") if ".imgprep" not in path.parts)
    return {path: path.stat().st_mtime_ns for path in paths if path.is_file()}


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, Content], Path]:
    """Writes a file; None makes a folder."""

    def write(name: str, content: Content) -> Path:
        path = tmp_path / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize("mistake", TABLES)
def test_tables_of_people(refused: Callable[..., str], file: Any, mistake: str) -> None:
    kind, content, number, words = TABLES[mistake]
    table = file(f"{kind}.csv", content)
    line = refused("audit", SPEC, "--set", f"{SETTINGS[kind]}={table}")
    assert f"{table}:{number}: " in line
    assert words in line


@pytest.mark.parametrize("mistake", REQUESTS)
def test_requests(refused: Callable[..., str], mistake: str) -> None:
    arguments, words = REQUESTS[mistake]
    assert words in refused(*arguments)


@pytest.mark.parametrize("junk", JUNK)
def test_files_of_another_kind(refused: Callable[..., str], file: Any, finished: Project, junk: str) -> None:
    path = file(f"{junk}.json", JUNK[junk])
    assert "name a report.json" in refused("audit", SPEC, "--baseline", path) or junk == "NaN"
    for command in ("show", "verify"):
        assert str(path) in refused(command, path)
    if junk != "NaN":  # a spec with several mistakes: all of them are told
        assert str(path) in refused("run", path)
        assert str(path) in refused("diff", path, SPEC)
    assert "give another image" in refused("preprocess", "out/pack", path, "-o", "row.npy", status=4)
    assert str(path) in refused("init", path, "-o", "new.yaml")


@pytest.mark.parametrize("content", [b"", b"hello\n", b"[]\n", b"\0\n", "{}".encode("utf-16"), None], ids=range(6))
@pytest.mark.parametrize("name", ["dataset.json", "samples.jsonl"])
def test_damaged_datasets(
    refused: Callable[..., str], finished: Project, tmp_path: Path, name: str, content: bytes | None
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(finished.output, damaged)
    for stage in ("convert", "pack"):
        path = damaged / stage / name
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]) if content is None else content)
    commands = [
        ("diff", damaged / "pack", "out/pack"),
        ("export", damaged / "convert", "--to", "imagefolder", "-o", "new"),
    ]
    commands += [("show", damaged)] if name == "dataset.json" else []
    for command in commands:
        assert f"{name}: " in refused(*command)
    assert finished.call("verify", damaged).returncode == 1


def test_a_report_with_a_finding_that_is_none(refused: Callable[..., str], file: Any, finished: Project) -> None:
    report = json.loads((finished.output / "audit/report.json").read_bytes())
    report["findings"][3] = {"rule": "blur"}
    assert "no finding at findings[3]" in refused("audit", SPEC, "--baseline", file("a.json", json.dumps(report)))
    report["findings"][3] = report["findings"][2] | {"samples": "ash"}
    assert "findings[3].samples" in refused("audit", SPEC, "--baseline", file("b.json", json.dumps(report)))
