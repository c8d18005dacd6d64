"""The pages in docs/ are true to the code."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.onnx_file import network
from tests.support.project import Project

RNG = "tests/util/test_rng.py"
TEXTS = {".py", ".md", ".json", ".yaml", ".yml", ".toml", ".html", ".css"}


def _texts(root: Path) -> list[Path]:
    folders = ("imgprep", "configs", "benchmarks", "sample_data", "docs")
    found = [path for folder in folders for path in (root / folder).rglob("*") if path.suffix in TEXTS]
    return [*found, *(root / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "Makefile"))]


def test_the_handbook_is_called_by_its_own_name(root: Path) -> None:
    """Nothing refers to a file that a reader cannot open."""
    wrong = [path for path in _texts(root) if re.search(r"\bseeds/|\bRULES\.md", path.read_text("utf-8"))]
    assert not wrong


def test_the_handbook_page_has_every_source_of_a_rule(root: Path) -> None:
    from imgprep.checks.rules import RULES

    page = (root / "docs/handbook.md").read_text("utf-8")
    parts = {part[0]: part for part in page.split("\n## Part ")[1:]}
    for name, rule in RULES.items():
        found = re.fullmatch(r"Handbook, part (\d) \(([a-z ]+)\)", rule.source)
        assert found, rule.source
        (line,) = re.findall(rf"^\| {found[2]} \|.*$", parts[found[1]], re.MULTILINE)
        assert f"`{name}`" in line


def test_every_module_that_the_pages_name_is_there(root: Path) -> None:
    """Paths such as `imgprep/rng.py`, modules such as `imgprep.testing`, and links."""
    for page in (root / "docs/architecture.md", root / "CONTRIBUTING.md", root / "docs/handbook.md"):
        text = page.read_text("utf-8")
        names = [name for name in re.findall(r"`([\w./-]+)`", text) if "/" in name or name.startswith("imgprep.")]
        for name in [*names, *re.findall(r"(tests/[\w/]+\.py)", text)]:
            path = root / (name if "/" in name else name.replace(".", "/"))
            known = path.exists() or path.with_suffix(".py").exists() or name in {"imgprep.load", "apple/0001.jpg"}
            assert known or name.startswith(("OUTPUT/", "build/")), f"{page.name}: {name}"
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_room_is_in_the_page_about_the_architecture(root: Path) -> None:
    page = (root / "docs/architecture.md").read_text("utf-8")
    rooms = {path.parent.name for path in (root / "imgprep").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^\| `imgprep/(\w+)` \|", page, re.MULTILINE))


def test_every_target_that_contributors_are_told_of_is_in_the_makefile(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text("utf-8") + (root / "README.md").read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):.*##", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {"check", "test-fast", "test", "lint"} <= set(targets)
    assert set(re.findall(r"^make (?:[A-Z]+=\S+ )*([a-z-]+)", text, re.MULTILINE)) <= set(targets)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("check", "T=tests/util/test_rng.py"), r"-m pytest -q tests/util/test_rng\.py$"),
        (("test",), r"coverage report$"),
        (("test", "ARGS=tests/util/test_rng.py"), r"coverage report --fail-under=0$"),
        (("test-fast",), r'-m pytest -q -m "not slow"'),
        (("docs",), r"-m mkdocs build --strict$"),
        (("bench", "ARGS=--quick --only convert"), r"-m benchmarks --quick --only convert$"),
    ],
)
def test_what_make_would_run(root: Path, tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    """A part of the tests never fails for lack of coverage, and one file is run without measuring any."""
    done = subprocess.run(
        ["make", "-n", f"VENV={tmp_path}", *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert any(re.search(expected, line) for line in lines), done.stdout
    assert arguments[0] == "test" or not any("coverage" in line for line in lines)


def test_check_wants_to_know_which_tests(root: Path) -> None:
    done = subprocess.run(["make", "-n", "check"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "say which tests: make check T=" in done.stderr


def test_the_fast_tests_leave_out_what_runs_the_whole_program(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-m", "not slow", "tests/e2e/test_digits.py", RNG],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"{RNG}::" in done.stdout
    assert "tests/e2e/" not in done.stdout


def test_a_module_of_tests_that_cannot_be_imported_is_an_error(root: Path, tmp_path: Path) -> None:
    """The doctests of modules whose libraries are not here are skipped, and so would be the tests."""
    module = tmp_path / "test_broken.py"
    module.write_text("import imgprep.no_such_module\n\ndef test_something():\n    pass\n")
    options = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"].split()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, *options, "-p", "tests.conftest", str(module)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "ERROR collecting" in done.stdout


def _example(root: Path, name: str) -> str:
    """The code block of docs/cluster.md that a comment names."""
    page = (root / "docs/cluster.md").read_text("utf-8")
    return page.partition(f"<!-- example: {name} -->")[2].partition("```")[2].partition("\n")[2].partition("```")[0]


@pytest.mark.parametrize("name", ["slurm", "dask", "bucket", "ray"])
def test_the_scripts_for_a_cluster_are_sound(root: Path, name: str, tmp_path: Path) -> None:
    script = tmp_path / f"{name}.sh"
    script.write_text(_example(root, name))
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("shellcheck")), "--shell=sh", str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_array_job_calls_a_command_that_there_is(root: Path, project: Project) -> None:
    script = project.folder / "job.sh"
    script.write_text(_example(root, "slurm").replace("fruits.yaml", str(project.spec)).replace("/16", "/3"))
    (project.folder / "imgprep").write_text(f'#!/bin/sh\nexec {sys.executable} -m imgprep "$@"\n')
    (project.folder / "imgprep").chmod(0o755)
    path = f"{project.folder}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "SLURM_ARRAY_TASK_ID": "2", "SLURM_CPUS_PER_TASK": "1"}
    done = subprocess.run(["sh", str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("convert: part 2/3: ")


def test_the_job_of_kubernetes_fits_its_schema(root: Path) -> None:
    job = yaml.safe_load(_example(root, "kubernetes"))
    kubernetes_validate.validate(job, "1.30", strict=True)
    command = job["spec"]["template"]["spec"]["containers"][0]["args"][0]
    assert f"+ 1))/{job['spec']['completions']}" in command


def test_the_page_about_features_does_what_it_says(
    root: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (root / "docs/features.md").read_text("utf-8")
    section, python = re.findall(r"^```(?:yaml|python)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (project.folder / "base.onnx").write_bytes(network())
    project.write(output="build/fruits", execution={"engine": "serial"}, **yaml.safe_load(section))
    assert project.call("features", project.spec, "--set", "features.size=[12, 12]").returncode == 0
    monkeypatch.chdir(project.folder)
    names: dict[str, Any] = {}
    exec(f"import imgprep\n{python}", names)
    assert names["features"].shape[1:] == (12,)
    assert "imgprep.load" in python
