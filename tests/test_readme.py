"""The README is executed: its commands, its Python, its specs.

A comment right before a block says what differs: `<!-- exit: 2 -->` the exit status, `<!-- not run: reason -->` that
the block is for the reader only, `<!-- filled in: TABLE -->` that somebody has labelled the images of a review before.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest
import yaml

from tests.support import program
from tests.support.project import unmeasured

BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    line: int
    language: str
    text: str
    note: str


def _blocks(text: str) -> list[Block]:
    return [
        Block(text.count("\n", 0, match.start()) + 1, match[2], match[3], match[1] or "")
        for match in BLOCK.finditer(text)
    ]


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def blocks(readme: str) -> list[Block]:
    found = _blocks(readme)
    assert len(found) == readme.count("\n```") / 2, "a fenced block without a language"
    return found


def _run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command,
        cwd=cwd,
        env=unmeasured() | {"PATH": programs, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_commands_and_python_do_what_the_readme_says(blocks: list[Block], root: Path, tmp_path: Path) -> None:
    # One test, in the order of the text: a reader does it that way, and later blocks look at what earlier ones wrote.
    for name in ("configs", "sample_data"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copy(root / "Makefile", tmp_path)
    if not (Path(sys.executable).parent / "imgprep").exists():
        pytest.fail("the command imgprep is not installed beside this Python; run: make test")
    executed = 0
    for block in blocks:
        if block.note.startswith("not run") or block.language not in {"sh", "python"}:
            continue
        if block.note.startswith("filled in: "):
            _fill_in(tmp_path / block.note.removeprefix("filled in: "))
        command = ["sh", "-e", "-c"] if block.language == "sh" else [sys.executable, "-c"]
        done = _run([*command, block.text], tmp_path)
        status = int(block.note.removeprefix("exit: ")) if block.note.startswith("exit: ") else 0
        assert done.returncode == status, f"README.md:{block.line}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, f"README.md:{block.line}: {done.stderr}"
        if block.note.startswith("filled in: "):
            said = " ".join(done.stdout.split())
            assert "0 of 49 reviewed" in said
            assert "1 image was marked as unsure" in said
        executed += 1
    assert executed >= 8


def _fill_in(path: Path) -> None:
    """Labels the images of a review as they are labelled already, but for the first, which is hard to tell."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["reviewed_label"] for row in rows} == {""}
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ("id", "label", "reviewed_label"))
        table.writeheader()
        table.writerows(row | {"reviewed_label": row["label"] if number else "?"} for number, row in enumerate(rows))


def test_notes_are_understood(blocks: list[Block]) -> None:
    for block in blocks:
        assert re.fullmatch(r"|exit: \d+|not run: .+|filled in: \S+|quick start output: \w+", block.note), (
            f"README.md:{block.line}"
        )


def test_specs_fit_the_schema(blocks: list[Block], tmp_path: Path) -> None:
    schema = json.loads(program.call("schema", cwd=tmp_path).stdout)
    specs = [yaml.safe_load(block.text) for block in blocks if block.language == "yaml"]
    assert specs
    for spec in specs:
        if {"name", "source"} <= set(spec):
            jsonschema.validate(spec, schema)


def test_spec_reference_names_every_section_of_the_schema(blocks: list[Block], tmp_path: Path) -> None:
    schema = json.loads(program.call("schema", cwd=tmp_path).stdout)
    whole = next(yaml.safe_load(block.text) for block in blocks if block.language == "yaml")
    assert set(whole) <= set(schema["properties"])
    assert set(schema["properties"]) == set(whole)


@pytest.mark.slow
def test_every_command_is_in_the_table(readme: str, tmp_path: Path) -> None:
    table = readme.partition("## Commands")[2].partition("## Exit status")[0]
    listed = set(re.findall(r"^\| `(\w+)(?: [A-Z_]+)*` \|", table, re.MULTILINE))
    for command in sorted(listed):
        done = program.call(command, "--help", cwd=tmp_path)
        assert done.returncode == 0, f"imgprep {command} --help: {done.stderr}"
    helped = program.call("--help", cwd=tmp_path).stdout
    offered = set(re.findall(r"^[\s│|]*([a-z]+)  +\S", helped.partition("Commands")[2], re.MULTILINE))
    assert offered
    assert offered <= listed, f"README.md does not explain {sorted(offered - listed)}"


def test_every_rule_is_in_the_table(readme: str) -> None:
    from imgprep.checks.rules import RULES

    severities = dict(re.findall(r"^\| `([a-z-]+)` \| .* \| (error|warning|info)\b[^|]*\|$", readme, re.MULTILINE))
    assert severities == {name: rule().severity for name, rule in RULES.items()}


def test_every_transform_and_stress_test_is_in_a_table(readme: str) -> None:
    from imgprep.transforms import STRESS, TRANSFORMS

    cells = re.findall(r"^\| (`[^|]+`) \|", readme.partition("### Augmentation")[2].partition("\n## ")[0], re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert named - {"stress"} == set(TRANSFORMS) | set(STRESS)


def test_links_lead_somewhere(readme: str, root: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert target.startswith("https://") or (root / target).exists(), target


def test_every_layout_is_shown_in_three_lines(blocks: list[Block]) -> None:
    from imgprep.sources import SOURCES
    from imgprep.spec.loading import spec_from_mapping

    shown = []
    for block in blocks:
        content = yaml.safe_load(block.text) if block.language == "yaml" else None
        if content is not None and set(content) == {"source"}:
            layout = spec_from_mapping({"name": "x", "output": "x", **content}).spec.source.layout
            if len(block.text.splitlines()) == 3:
                shown.append(layout)
    assert sorted(shown) == sorted(SOURCES)


def test_every_step_and_normalisation_is_explained(readme: str) -> None:
    from typing import get_args

    from imgprep.stages.pack.settings import Preset
    from imgprep.transforms import STEPS

    rows = [line.split("|")[1] for line in readme.splitlines() if line.startswith("| `")]
    explained = set(re.findall(r"`([\w-]+)`", " ".join(rows)))
    assert set(STEPS) <= explained, set(STEPS) - explained
    assert set(get_args(Preset)) <= explained, set(get_args(Preset)) - explained
