"""The manual page is the help of the commands, in the language of man(7)."""

import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from imgprep.cli.man import STATUS, man_page
from imgprep.stages import STAGES
from imgprep.version import __version__


def test_every_command_has_a_part_with_its_options() -> None:
    page = man_page()
    parts = {part.split()[0]: part for part in page.split("\n.SS ")[1:]}
    assert {"init", "audit", "run", "export", "doctor", *STAGES} <= set(parts)
    assert f'"imgprep {__version__}"' in page.splitlines()[0]
    assert r"\fB\-\-dry\-run\fR" in parts["run"]
    assert "Says what would be done; writes nothing." in parts["run"]
    assert parts["audit"].startswith("audit [SPEC]\n")
    assert parts["export"].startswith("export DIR\n")
    assert r"\-\-set" not in parts["export"]


def test_no_line_of_a_text_is_taken_for_a_request() -> None:
    requests = {line.split()[0] for line in man_page().splitlines() if line.startswith((".", "'"))}
    assert requests <= {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I"}


def test_groff_has_nothing_to_complain_about() -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    command = [groff, "-man", "-ww", "-z", "-Tutf8"]
    done = subprocess.run(command, input=man_page(), capture_output=True, text=True, check=True)
    assert not done.stderr


def test_the_exit_statuses_are_those_of_the_readme(root: Path) -> None:
    table = (root / "README.md").read_text("utf-8").partition("| status | means |")[2].partition("\n\n")[0]
    rows = [[cell.strip().replace("`", "") for cell in row.split("|")[1:3]] for row in table.splitlines()[2:]]
    assert dict(rows) == STATUS


@pytest.mark.slow
def test_the_wheel_installs_it(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builder: Any = pytest.importorskip("hatchling.builders.wheel")
    monkeypatch.setenv("IMGPREP_NATIVE", "0")
    (wheel,) = builder.WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data/share/man/man1/imgprep.1"))
        assert archive.read(name).decode() == man_page()
