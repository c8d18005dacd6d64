"""The pages of docs/ are executed: their commands, their Python, their specs; `tests.support.blocks` has the remarks.

All pages share one working folder, in which `configs/fruits.yaml` has been run, and each can be followed alone.
"""

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from imgprep.errors import RequestError
from imgprep.sources import SOURCES
from imgprep.spec.loading import spec_from_mapping
from imgprep.spec.reading import read
from imgprep.stages import STAGES
from imgprep.stages.pack.settings import Preset
from imgprep.transforms import STRESS, TRANSFORMS
from tests.support import official, program
from tests.support.blocks import Block, blocks_in
from tests.support.reader import Reader

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
SECTIONS = {"name", "source", "output", "seed", "audit", "targets", "execution", *STAGES}
MINIMAL = {"source": {"layout": "directory", "path": "images"}, "output": "out"}
OTHERS = {"cluster.md"}
"""Pages whose code has tests of its own."""
GENERATED = {
    *(f"gallery/{name}.md" for name in ("steps", "transforms", "stress")),
    *(f"reference/{name}.md" for name in ("keys", "commands", "errors")),
    *("rules/index.md", "security.md", "contributing.md", "changelog.md"),
}


@pytest.fixture(scope="module")
def workspace(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone as a reader has it, after the run that the start page tells of."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(root / "configs", folder / "configs")
    shutil.copy(root / "Makefile", folder)
    (folder / "sample_data").symlink_to(root / "sample_data")
    done = program.call("run", "configs/fruits.yaml", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_does_what_the_page_says(page: str, workspace: Path, root: Path) -> None:
    found = blocks_in(DOCS / page)
    if page not in OTHERS:
        Reader(workspace, root).follow(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_checked_or_says_why_not(page: str) -> None:
    """Commands and Python are executed, output is compared, files are written, data are parsed; nothing is left."""
    for block in blocks_in(DOCS / page):
        if block.left_out or block.note.startswith("example: "):
            continue
        if block.language == "yaml":
            check_yaml(block)
        elif block.language == "csv":
            rows = list(csv.reader(block.text.splitlines()))
            assert len({len(row) for row in rows}) == 1, block.where
        elif block.language == "text":
            assert block.note == "prints", f"{block.where}: where is it printed?"
        else:
            assert block.language in {"sh", "python"} or block.title, f"{block.where}: {block.language}"


def check_yaml(block: Block) -> None:
    """A spec, a part of one, or what another program reads."""
    content: Any = read(block.text.encode()).data  # YAML 1.2, of which all readers here understand these parts
    if "jobs" in content:
        jsonschema.validate(content, official.vendored("github-workflows"))
    elif "script" in (content.get("audit") or {}):
        jsonschema.validate(content, official.vendored("gitlab-ci"))
    elif set(content) <= SECTIONS:
        try:
            spec_from_mapping({**MINIMAL, **content})
        except RequestError as error:
            raise AssertionError(f"{block.where}: {error}") from error
    else:
        assert set(content) & {"repos", "stages"}, f"{block.where}: what is it for?"


def test_every_page_is_in_the_navigation(root: Path) -> None:
    """MkDocs says so as well, but only when the site is built."""
    text = (root / "mkdocs.yml").read_text("utf-8")
    listed = {line.rpartition(" ")[2] for line in text.partition("\nnav:")[2].splitlines() if line.endswith(".md")}
    assert listed == {*PAGES, *GENERATED}


def named(page: str) -> set[str]:
    """The names in the first column of the tables of a page."""
    rows = [line.split("|")[1] for line in (DOCS / page).read_text("utf-8").splitlines() if line.startswith("| `")]
    return set(re.findall(r"`([\w-]+)`", " ".join(rows)))


def test_the_page_about_the_spec_shows_every_section() -> None:
    whole = next(block for block in blocks_in(DOCS / "reference/spec.md") if block.language == "yaml")
    assert set(read(whole.text.encode()).data) == SECTIONS


def test_every_normalization_transform_and_stress_test_is_in_a_table() -> None:
    assert set(get_args(Preset)) <= named("reference/spec.md")
    assert named("reference/augmentation.md") - {"stress"} == {*TRANSFORMS, *STRESS}


def test_every_layout_is_shown_in_three_lines() -> None:
    shown = []
    for block in blocks_in(DOCS / "reference/layouts.md"):
        content = read(block.text.encode()).data if block.language == "yaml" else {}
        if set(content) == {"source"} and len(block.text.splitlines()) == 3:
            shown.append(spec_from_mapping({**MINIMAL, **content}).spec.source.layout)
    assert sorted(shown) == sorted(SOURCES)
