"""The pages in docs/ are true to the code."""

import re
from pathlib import Path

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
