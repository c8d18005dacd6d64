"""A stage that is added in one file and by one line, through the real command line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.what_is_measured import unmeasured

TOY = Path(__file__).parents[1] / "support" / "toy_stage.py"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs imgprep with the stage, over one dark and two bright images."""
    for name, level in {"a/0": 10, "a/1": 200, "b/0": 220}.items():
        path = tmp_path / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((4, 4, 3), level, np.uint8))

    def call(*arguments: str, bright: str = "{}", convert: str = "{}") -> tuple[int, str]:
        (tmp_path / "spec.yaml").write_text(
            "source: {layout: directory, path: images}\noutput: out\n"
            f"convert: {convert}\nbright: {bright}\nexecution: {{engine: serial}}\n"
        )
        command = [sys.executable, str(TOY), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=unmeasured(), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return call


def test_its_command_makes_it_and_what_it_needs(run: Run, tmp_path: Path) -> None:
    assert run("bright", "spec.yaml")[0] == 0
    assert (tmp_path / "out/bright/bright.txt").read_text() == "2\n"
    assert json.loads((tmp_path / "out/bright/dataset.json").read_bytes())["stage"] == "bright"
    assert "bright: up to date" in run("bright", "spec.yaml")[1]
    code, said = run("status", "spec.yaml", bright="{level: 210}")
    assert (code, "bright: out of date\n  its inputs changed; what they were is not recorded" in said) == (1, True), (
        said
    )
    assert run("bright", "spec.yaml", bright="{level: 210}")[0] == 0
    assert (tmp_path / "out/bright/bright.txt").read_text() == "1\n"


def test_run_and_dry_run_come_to_it(run: Run, tmp_path: Path) -> None:
    code, said = run("run", "spec.yaml", "--dry-run")
    assert (code, "bright: 3 all; tables only" in said) == (0, True), said
    assert run("run", "spec.yaml", "--no-gate")[0] == 0
    assert (tmp_path / "out/bright/bright.txt").read_text() == "2\n"


def test_its_section_is_checked_like_all_others(run: Run) -> None:
    code, said = run("bright", "spec.yaml", bright="{level: 300, depth: 3}")
    assert code == 2
    assert "spec.yaml:4: bright.level: expected an integer from 0 to 255, not 300" in said
    assert "spec.yaml:4: bright.depth: unknown key 'depth'; known are level" in said
    code, said = run("bright", "spec.yaml", convert="{depth: 16}")
    assert (code, "bright.level: is of 8-bit images; use convert.depth: 8" in said) == (2, True), said


def test_its_section_is_in_the_schema_and_its_command_in_the_help(run: Run) -> None:
    schema = json.loads(run("schema")[1])
    assert schema["$defs"]["BrightSettings"]["properties"]["level"]["maximum"] == 255
    assert "mean level above which an image is bright." in json.dumps(schema)
    assert "Counts bright images." in run("--help")[1]
