"""What other people's CI systems read: the files parse, and the commands in them do what they say."""

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support import official
from tests.support.blocks import blocks_in
from tests.support.what_is_measured import unmeasured


@pytest.fixture
def workspace(root: Path, tmp_path: Path) -> Path:
    for name in ("configs", "sample_data"):
        shutil.copytree(root / name, tmp_path / name)
    return tmp_path


def run(script: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a script as GitHub and GitLab do: bash, which ends at the first failure."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=cwd,
        env=unmeasured() | {"PATH": programs, "NO_COLOR": "1"} | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def action(root: Path) -> Any:
    return yaml.safe_load((root / "action.yml").read_text("utf-8"))


def test_what_ci_systems_read_is_valid(root: Path, action: Any) -> None:
    jsonschema.validate(action, official.vendored("github-actions"))
    blocks = _blocks(root)
    (workflow,) = (block for block in blocks if "jobs" in block)
    # YAML 1.1 takes the key `on` for a truth; GitHub does not.
    workflow["on"] = workflow.pop(True)
    jsonschema.validate(workflow, official.vendored("github-workflows"))
    (job,) = (block for block in blocks if "script" in (block.get("audit") or {}))
    jsonschema.validate(job, official.vendored("gitlab-ci"))


def test_the_workflows_are_valid(root: Path) -> None:
    """By the published schema, since they cannot be run here; on three systems and every Python that is supported."""
    found = sorted((root / ".github/workflows").glob("*.yml"))
    assert found
    for path in found:
        workflow = yaml.safe_load(path.read_text("utf-8"))
        workflow["on"] = workflow.pop(True)
        jsonschema.validate(workflow, official.vendored("github-workflows"))
    matrix = yaml.safe_load((root / ".github/workflows/tests.yml").read_text("utf-8"))["jobs"]["test"]["strategy"][
        "matrix"
    ]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    supported = re.findall(r"Python :: (3\.\d+)", (root / "pyproject.toml").read_text("utf-8"))
    assert matrix["python"] == supported


def test_every_system_is_tested_by_the_targets_that_a_contributor_uses(root: Path) -> None:
    """Windows too: make runs its lines with the shell of Git there, and the environment has other folders."""
    test = yaml.safe_load((root / ".github/workflows/tests.yml").read_text("utf-8"))["jobs"]["test"]
    assert test["defaults"]["run"]["shell"] == "bash"
    scripts = {step["if"]: step["run"] for step in test["steps"] if "run" in step}
    assert {key: script.split()[:2] for key, script in scripts.items()} == {
        "runner.os == 'Linux'": ["make", "test"],
        "runner.os != 'Linux'": ["make", "test-fast"],
    }
    for variables, folder in (["OS=Windows_NT"], "Scripts"), ([], "bin"):
        command = ["make", "-n", "test-fast", *variables, "VENV=no-such"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        assert f"no-such/{folder}/python -m pytest" in done.stdout


POSIX_ONLY = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}


def test_every_test_module_can_be_imported_where_there_is_no_posix(root: Path) -> None:
    """Or else nothing is tested there: pytest does not go on after a module that it cannot import."""
    for path in sorted((root / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in (node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)):
            names = {node.module} if isinstance(node, ast.ImportFrom) else {alias.name for alias in node.names}
            assert not names & POSIX_ONLY, f"{path}:{node.lineno}: use pytest.importorskip"


def test_pre_commit_runs_what_lint_runs(root: Path) -> None:
    config = yaml.safe_load((root / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert all({"id", "name", "language", "entry"} <= set(hook) for hook in hooks)
    commands = " ".join(hook["entry"] for hook in hooks)
    makefile = (root / "Makefile").read_text("utf-8")
    for tool in re.findall(r"\$\(BIN\)/(\w+)", makefile.partition("\nlint:")[2].partition("\n\n")[0]):
        assert tool in commands or "make lint" in commands
    assert "ruff check" in commands


def test_the_action_is_well_formed(action: Any) -> None:
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert "uses" in step or {"run", "shell"} <= set(step)
        # What a user gives goes through the environment, never into the text of a script.
        assert "${{" not in step.get("run", "")
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(action["runs"])))
    assert used == set(action["inputs"])


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "status"), [("", 0), ("--set audit.rules.class-size.min=100", 1), ("--oops", 2)])
def test_the_action_annotates_and_summarises(action: Any, workspace: Path, arguments: str, status: int) -> None:
    (step,) = (step for step in action["runs"]["steps"] if step.get("name") == "Audit")
    env = dict.fromkeys(step["env"], "") | {
        "SPEC": "configs/fruits.yaml",
        "STAGE": action["inputs"]["stage"]["default"],
        "ARGUMENTS": arguments,
        "GITHUB_STEP_SUMMARY": str(workspace / "summary.md"),
    }
    done = run(step["run"], workspace, **env)
    assert done.returncode == status, done.stderr
    errors = [line for line in done.stdout.splitlines() if line.startswith("::error file=configs/fruits.yaml,line=")]
    assert len(errors) == (4 if status == 1 else 0)
    if status < 2:
        assert (workspace / "summary.md").read_text("utf-8").startswith("## Audit of fruits: ")


@pytest.mark.parametrize("package", ["", "imgprep==0.1.0"])
def test_the_cache_of_the_action_is_that_of_pip_and_of_what_is_installed(
    root: Path, action: Any, tmp_path: Path, package: str
) -> None:
    (look,) = (step for step in action["runs"]["steps"] if step.get("id") == "pip")
    (cache,) = (step for step in action["runs"]["steps"] if "actions/cache@" in step.get("uses", ""))
    found = tmp_path / "output"
    env = {"ACTION": str(root), "PACKAGE": package, "GITHUB_OUTPUT": str(found), "PIP_CACHE_DIR": str(tmp_path / "pip")}
    done = run(look["run"], tmp_path, **env)
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256((root / "pyproject.toml").read_bytes() + package.encode()).hexdigest()
    assert found.read_text().split() == [f"key={digest}", f"folder={tmp_path / 'pip'}"]
    assert {"steps.pip.outputs.folder", "steps.pip.outputs.key"} <= set(
        re.findall(r"steps\.pip\.outputs\.\w+", json.dumps(cache["with"]))
    )
    assert cache["if"] == "inputs.cache == 'true'"


@pytest.mark.slow
def test_the_action_passes_a_baseline_on(action: Any, workspace: Path) -> None:
    (step,) = (step for step in action["runs"]["steps"] if step.get("name") == "Audit")
    setting = "--set audit.rules.class-size.min=100"
    run(f"imgprep audit configs/fruits.yaml {setting}", workspace)
    shutil.copy(workspace / "build/fruits/audit/report.json", workspace / "known.json")
    for spec in (workspace / "configs").glob("*.yaml"):
        if spec.stem != "fruits":
            spec.unlink()  # where there is one spec only, the action needs not name it
    env = {"SPEC": "", "STAGE": "source", "ARGUMENTS": setting, "BASELINE": "known.json"}
    done = run(step["run"], workspace, **env, GITHUB_STEP_SUMMARY=str(workspace / "summary.md"))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_pre_commit_hook_runs(root: Path, workspace: Path) -> None:
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert {"id", "name", "entry", "language"} <= set(hook)
    assert hook["pass_filenames"] is False
    assert run(f"{hook['entry']} configs/fruits.yaml", workspace).returncode == 0
    assert run(f"{hook['entry']} configs/fruits.yaml --set audit.rules.class-size.min=100", workspace).returncode == 1
    refused = run(hook["entry"], workspace)
    assert refused.returncode == 2
    assert all(f"configs/{path.name}" in refused.stderr for path in (root / "configs").glob("*.yaml"))


def _blocks(root: Path) -> list[Any]:
    """The files that the pages about CI and pre-commit tell to write."""
    pages = [root / "docs/how-to" / name for name in ("ci.md", "pre-commit.md")]
    return [yaml.safe_load(block.text) for page in pages for block in blocks_in(page) if block.title]


@pytest.mark.slow
def test_the_gitlab_job_of_the_page_runs(root: Path, workspace: Path) -> None:
    (job,) = (block["audit"] for block in _blocks(root) if "script" in (block.get("audit") or {}))
    report = workspace / job["artifacts"]["reports"]["codequality"]
    for line in job["script"]:
        if not line.startswith("pip install"):
            done = run(line, workspace)
            assert done.returncode == 0, done.stderr
    for issue in json.loads(report.read_bytes()):
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(issue)
    for path in job["artifacts"]["paths"]:
        assert (workspace / path / "report.html").exists()


def test_the_pages_use_the_action_and_the_hook_as_they_are(root: Path, action: Any) -> None:
    blocks = _blocks(root)
    (workflow,) = (block for block in blocks if "jobs" in block)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "imgprep" in step["uses"]]
    assert steps
    for step in steps:
        assert set(step["with"]) <= set(action["inputs"])
    (repo,) = next(block for block in blocks if "repos" in block)["repos"]
    hooks = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert {hook["id"] for hook in repo["hooks"]} == {hook["id"] for hook in hooks}


@pytest.mark.slow
def test_make_audit(root: Path, workspace: Path) -> None:
    text = (root / "Makefile").read_text("utf-8")
    recipe = re.search(r"^audit:.*\n\t(.+)$", text, re.MULTILINE)
    assert recipe
    command = recipe[1].replace("$(BIN)/", "").replace("$(SPEC)", "configs/fruits.yaml").replace("$(ARGS)", "-q")
    assert shlex.split(command)[:2] == ["imgprep", "audit"]
    assert run(command, workspace).returncode == 0


@pytest.mark.slow
def test_the_wheel_has_what_the_reports_need(root: Path, tmp_path: Path) -> None:
    builder = pytest.importorskip("hatchling.builders.wheel")
    (path,) = builder.WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    names = set(zipfile.ZipFile(path).namelist())
    for name in ("style.css", "report.schema.json"):
        assert f"imgprep/checks/reports/{name}" in names
    assert "imgprep/py.typed" in names
