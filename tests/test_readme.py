"""The README is executed: its commands, its Python, its specs; `tests.support.blocks` has the remarks."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.support import program
from tests.support.blocks import Block, blocks_in
from tests.support.reader import Reader
from tests.test_pages import check_yaml


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def blocks(root: Path) -> list[Block]:
    return blocks_in(root / "README.md")


@pytest.mark.slow
def test_commands_and_python_do_what_the_readme_says(blocks: list[Block], root: Path, tmp_path: Path) -> None:
    # One test, in the order of the text: a reader does it that way, and later blocks look at what earlier ones wrote.
    for name in ("configs", "sample_data"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copy(root / "Makefile", tmp_path)
    assert Reader(tmp_path, root).follow(blocks) >= 8


def test_its_specs_can_be_used(blocks: list[Block]) -> None:
    specs = [block for block in blocks if block.language == "yaml"]
    assert specs
    for block in specs:
        check_yaml(block)
        assert {"name", "source", "output"} <= set(yaml.safe_load(block.text))


def test_it_is_a_page_that_can_be_read(readme: str) -> None:
    """The rest is in docs/."""
    assert 150 <= len(readme.splitlines()) <= 260


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


def test_links_lead_somewhere(readme: str, root: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert target.startswith("https://") or (root / target).exists(), target
