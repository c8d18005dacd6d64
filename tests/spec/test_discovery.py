"""A command without a spec takes the only one that is there, and refuses to choose."""

import json
from pathlib import Path

import pytest

from imgprep.errors import RequestError
from imgprep.spec.discovery import find_spec, is_spec
from tests.support.project import Project

SPEC = "source: {layout: directory, path: images}\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("spec.yaml", SPEC),
        ("data.yml", "name: x\n\nsource:\n  path: images\n  layout: directory\n"),
        ("configs/it.YAML", f"\ufeff# a comment\n{SPEC}"),
        ("it.json", json.dumps({"name": "x", "source": {"layout": "csv", "path": "t.csv"}})),
        ("it.json", json.dumps({"source": {"layout": "csv", "path": "t.csv"}}, indent=2)),
        ("broken.yaml", SPEC + "convert: {size: [1\n"),
    ],
)
def test_the_only_spec_is_found_among_other_files(tmp_path: Path, name: str, content: str) -> None:
    others = {
        "mkdocs.yml": "site_name: x\ntheme: {layout: wide}\n",
        "package.json": '{"name": "x", "source": "src/index.js", "layout": 1}',
        "a/list.yaml": "- source\n- layout\n",
        "a/deep/er.yaml": SPEC,
        ".hidden/spec.yaml": SPEC,
        "out/dataset.json": json.dumps({"source": {"layout": "directory"}}),
        "notes.txt": SPEC,
        "latin.yaml": "x",
        "large.json": json.dumps({"source": {"layout": "x", "path": "x" * (1 << 20)}}),
        name: content,
    }
    for other, text in others.items():
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_text(text, "utf-8")
    (tmp_path / "latin.yaml").write_bytes(SPEC.encode() + b"# \xe4\n")
    (tmp_path / "linked").symlink_to(tmp_path / "a" / "deep")
    (tmp_path / "dangling.yaml").symlink_to("nowhere.yaml")
    assert find_spec(tmp_path) == Path(name)


def test_several_specs_are_named_and_none_is_taken(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    for number in range(7):
        (tmp_path / "configs" / f"s{number}.yaml").write_text(SPEC)
    (tmp_path / "top.yaml").write_text(SPEC)
    with pytest.raises(RequestError) as refused:
        find_spec(tmp_path)
    named = "top.yaml, configs/s0.yaml, configs/s1.yaml, configs/s2.yaml, configs/s3.yaml and 3 more"
    assert str(refused.value) == f"there are several specs: {named}; name the one that is meant"


def test_where_there_is_none_init_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="imgprep init FOLDER"):
        find_spec(tmp_path)


def test_a_file_that_cannot_be_read_is_no_spec(tmp_path: Path) -> None:
    assert not is_spec(tmp_path)
    assert not is_spec(tmp_path / "nothing.yaml")


def test_audit_takes_the_spec_that_is_there(project: Project) -> None:
    named = project.call("audit", project.spec, "--format", "json")
    found = project.call("audit", "--format", "json")
    assert (found.returncode, found.stdout) == (named.returncode, named.stdout)
    assert "the spec is spec.yaml\n" in found.stderr
    assert project.call("audit", "-q", "--set", "audit.rules.class-size.min=99").returncode == 1
    (project.folder / "other.yaml").write_text(project.spec.read_text())
    refused = project.call("audit")
    assert refused.returncode == 2
    assert refused.stderr == (
        "imgprep: error: there are several specs: other.yaml, spec.yaml; name the one that is meant\n"
    )
