"""The sample collection is what its program draws, and has the variety that the audit rules ask for."""

import csv
import hashlib
import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def generate(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(root / "sample_data"))
    return importlib.import_module("generate")


@pytest.fixture(scope="module")
def rows(root: Path) -> list[dict[str, str]]:
    with (root / "sample_data" / "fruits.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _by_class(rows: list[dict[str, str]], column: str) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row["id"].split("/")[0], Counter())[row[column]] += 1
    return counts


def test_pictures_are_what_the_program_draws(generate: ModuleType, root: Path) -> None:
    for place, label in enumerate(generate.COLORS):
        photos = list(generate.plan(label, generate.np.random.default_rng([generate.SEED, place])))
        for number in (0, 41):
            name = f"fruits/{label}/{number + 1:04d}.jpg"
            there = (root / "sample_data" / name).read_bytes()
            drawn = generate.encode(photos[number], place, number)
            assert generate.same(name, there, drawn), name
            assert not generate.same(name, there, generate.encode(photos[number], place, number + 4)), name


def test_every_picture_is_listed_once_and_no_two_are_the_same(rows: list[dict[str, str]], root: Path) -> None:
    folder = root / "sample_data" / "fruits"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    assert sorted(row["id"] for row in rows) == files
    assert len({hashlib.sha256((folder / name).read_bytes()).digest() for name in files}) == len(files) == 320
    assert sum((folder / name).stat().st_size for name in files) < 2_000_000


def test_shares_that_the_rules_ask_for(rows: list[dict[str, str]]) -> None:
    for label, colors in _by_class(rows, "color").items():
        assert len(colors) >= 2
        assert min(colors.values()) >= 0.1 * colors.total(), label
    for label, stems in _by_class(rows, "stem").items():
        assert min(stems["yes"], stems["no"]) >= 0.05 * stems.total(), label
    for label, states in _by_class(rows, "state").items():
        assert states.total() - states["fresh"] >= 0.2 * states.total(), label
    assert {row["license"] for row in rows} == {"CC0-1.0"}


@pytest.mark.parametrize("column", ["state", "lighting", "background", "perspective"])
def test_only_the_fruit_tells_the_class(rows: list[dict[str, str]], column: str) -> None:
    first, *others = _by_class(rows, column).values()
    assert len(first) >= 3
    assert all(other == first for other in others)


def test_a_group_is_one_fruit(rows: list[dict[str, str]]) -> None:
    fruits = {(row["group"], row["color"], row["stem"]) for row in rows}
    assert len(fruits) == len({row["group"] for row in rows}) == 80


def test_command_explains_itself(root: Path) -> None:
    command = [sys.executable, str(root / "sample_data" / "generate.py"), "--help"]
    assert "--check" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
