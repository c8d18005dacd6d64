"""SECURITY.md names the test that proves each promise; each of them exists."""

import ast
import re
from pathlib import Path

import pytest

TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def promises(root: Path) -> list[str]:
    text = (root / "SECURITY.md").read_text(encoding="utf-8")
    section = text.split("## What is promised")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


def test_every_promise_names_a_test_that_exists(root: Path) -> None:
    lines = promises(root)
    assert len(lines) > 10
    for line in lines:
        named = TEST.findall(line)
        assert named, line
        for filename, test in named:
            path = root / filename
            if not path.exists():
                pytest.fail(f"{filename} does not exist")
            functions = {node.name for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.FunctionDef)}
            assert test in functions, f"{filename} has no {test}"
