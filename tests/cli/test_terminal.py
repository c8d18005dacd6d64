from pathlib import Path

import pytest

from imgprep.cli.terminal import Terminal
from imgprep.dataset.manifest import Manifest


@pytest.mark.parametrize("width", [20, 60, 120])
def test_a_table_cuts_no_name_of_a_split(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    splits = [f"fold-{number}" for number in range(1, 9)] + ["test-inverted", "test-shifted"]
    counts = {split: {"apple": 7, "pear": 8} for split in splits}
    manifest = Manifest("pack", "x", ("apple", "pear"), counts, {"found": 150, "ok": 150}, 0, "f")
    terminal = Terminal()
    monkeypatch.setattr(Terminal, "width", width)
    terminal.datasets([(tmp_path, manifest)])
    lines = capsys.readouterr().out.splitlines()
    parts = [line.split() for line in lines if line.startswith("  class")]
    assert [word for part in parts for word in part if word != "class"] == splits
    assert [word for line in lines if "apple" in line for word in line.split()[1:]] == ["7"] * len(splits)
