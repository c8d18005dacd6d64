"""Addresses of object stores on the command line: no folder called ``s3:`` is made of one.

What is read from a store and written to one is tested in ``tests/e2e/test_object_stores.py``.
"""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imgprep
from imgprep.errors import RequestError
from tests.support.project import Project

S3 = "s3://bucket/x"
EXTRA = "pip install 'imgprep[cloud]'"
READ = {
    "verify": ["verify", S3],
    "show": ["show", S3],
    "export": ["export", S3, "--to", "imagefolder", "-o", "exported"],
    "preprocess": ["preprocess", S3, "image.png", "-o", "image.npy"],
    "diff": ["diff", S3, "."],
    "diff with": ["diff", ".", S3],
    "init": ["init", S3],
}
LOCAL = {
    "export to": ["export", ".", "--to", "imagefolder", "-o", S3],
    "export from": ["export", ".", "--to", "imagefolder", "-o", "exported", "--source", S3],
    "preprocess image": ["preprocess", ".", S3, "-o", "image.npy"],
    "preprocess to": ["preprocess", ".", "image.png", "-o", "s3://bucket/image.npy"],
    "init to": ["init", ".", "-o", "s3://bucket/spec.yaml"],
    "spec": ["run", "s3://bucket/spec.yaml"],
    "baseline": ["audit", "spec.yaml", "--baseline", "s3://bucket/report.json"],
    "reference": ["audit", "spec.yaml", "--reference", "s3://bucket/spec.yaml"],
    "sheet": ["preview", "spec.yaml", "-o", "s3://bucket/sheet.png"],
    "review": ["review", "spec.yaml", "-o", "s3://bucket/review.csv"],
    "collect": ["review", "spec.yaml", "--collect", "s3://bucket/review.csv"],
    "curate": ["curate", "spec.yaml", "-o", "s3://bucket/decisions.csv"],
}
KEYS = {
    "output": f"output={S3}",
    "source": f"source.path={S3}",
    "attributes": "source.attributes=s3://bucket/table.csv",
    "decisions": "source.decisions=s3://bucket/decisions.csv",
    "images of a table": f"source={{layout: csv, path: table.csv, image_root: {S3}}}",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A spec whose one image is never looked at."""
    project = Project(tmp_path, tmp_path / "images")
    project.draw(ash=1)
    project.write()
    return project


def _pretend(monkeypatch: pytest.MonkeyPatch, *, installed: bool) -> None:
    """Obstore is installed, or not."""
    there = importlib.util.find_spec

    def find_spec(name: str, *others: Any) -> Any:
        return (there("json") if installed else None) if name == "obstore" else there(name, *others)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


@pytest.fixture(params=["without the extra", "with it"])
def extra(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the message has to name."""
    _pretend(monkeypatch, installed=request.param == "with it")
    return "give its path on disk" if request.param == "with it" else EXTRA


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Obstore is not installed."""
    _pretend(monkeypatch, installed=False)


def _refused(project: Project, arguments: list[str], *named: str) -> None:
    before = project.listing()
    done = project.call(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert all(name in line for name in ("s3://bucket/", *named)), line
    assert project.listing() == before


@pytest.mark.parametrize("case", LOCAL)
def test_what_is_local_only(project: Project, extra: str, case: str) -> None:
    _refused(project, LOCAL[case], extra)


@pytest.mark.usefixtures("without_extra")
@pytest.mark.parametrize("case", READ)
def test_datasets_without_the_extra(project: Project, case: str) -> None:
    _refused(project, READ[case], EXTRA)


@pytest.mark.usefixtures("without_extra")
@pytest.mark.parametrize("case", KEYS)
def test_keys_of_the_spec_without_the_extra(project: Project, case: str) -> None:
    _refused(project, ["run", "spec.yaml", "--set", KEYS[case]], EXTRA, KEYS[case].partition("=")[0].partition(".")[0])


def test_a_key_that_is_local_only(project: Project, extra: str) -> None:
    key = "audit.rules.label-errors.pred_probs"
    _refused(project, ["run", "spec.yaml", "--set", f"{key}=s3://bucket/probabilities.npy"], extra, key)


@pytest.mark.usefixtures("without_extra")
def test_an_output_is_named_with_its_line(project: Project) -> None:
    project.write(output=S3)
    line = 1 + project.spec.read_text().splitlines().index(f"output: {S3}")
    _refused(project, ["run", "spec.yaml"], EXTRA, f"spec.yaml:{line}: output: ")
    _refused(project, ["run", "spec.yaml", "--output", "s3:/bucket/y"], EXTRA, "s3://bucket/y: ")


def test_passwords_are_not_repeated(project: Project) -> None:
    done = project.call("run", "spec.yaml", "--set", "output=s3://me:hush@bucket/x")
    assert done.returncode == 2
    assert "hush" not in done.stderr
    assert "AWS_ACCESS_KEY_ID" in done.stderr


@pytest.mark.parametrize("name", ["out:1", "12:30", "a:b/c"])
def test_a_name_with_a_colon_is_a_folder(project: Project, name: str) -> None:
    done = project.call("convert", "spec.yaml", "--output", name, "--set", "execution.engine=serial")
    assert done.returncode == 0, done.stderr
    assert (project.folder / name / "convert" / "dataset.json").is_file()


@pytest.mark.usefixtures("without_extra")
def test_from_python(project: Project) -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    calls: list[Any] = [
        lambda: imgprep.load(S3),
        lambda: imgprep.load(S3, stage="pack"),
        lambda: next(imgprep.folds(S3)),
        lambda: imgprep.preprocess(image, S3),
        lambda: imgprep.diff(S3, project.folder),
        lambda: imgprep.run(project.spec, output=S3),
        lambda: imgprep.run({"source": {"layout": "directory", "path": "images"}, "output": S3}),
    ]
    for call in calls:
        with pytest.raises(RequestError, match=r"s3://bucket/x.*pip install 'imgprep\[cloud\]'"):
            call()
