import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.commands import inspecting, main
from imgprep.commands.inspecting import doctor, json_of, show, verify
from imgprep.commands.session import Request, Silent
from imgprep.errors import RequestError
from imgprep.version import __version__

MakeRequest = Callable[..., Request]


@pytest.fixture
def output(request_for: MakeRequest) -> Path:
    return main.make(request_for(), "pack").folder.parent


def test_show_finds_the_stages_in_order(output: Path) -> None:
    assert [folder.name for folder, _ in show(output)] == ["convert", "split", "pack"]
    assert [(folder.name, manifest.stage) for folder, manifest in show(output / "pack")] == [("pack", "pack")]
    with pytest.raises(RequestError, match=r"dataset.json is missing; run the stage first"):
        show(output.parent)


def test_indexes_for_programs(output: Path) -> None:
    assert json.loads(json_of(show(output / "pack"))) == json.loads((output / "pack" / "dataset.json").read_text())
    everything = json.loads(json_of(show(output)))
    assert [content["stage"] for content in everything.values()] == ["convert", "split", "pack"]


def test_verify_looks_at_every_stage(output: Path) -> None:
    checked = verify(output, 1, Silent())
    assert checked.passed
    lines = checked.text().splitlines()
    assert [line.split(":")[0] for line in lines] == [str(output / name) for name in ("convert", "split", "pack")]
    assert "ok" in lines[0]
    assert "12 rows" in lines[0]
    assert json.loads(checked.json())["passed"] is True


def test_verify_names_what_differs(output: Path) -> None:
    path = output / "pack" / "test-00000-of-00001.h5"
    path.write_bytes(path.read_bytes()[:100])
    checked = verify(output, 2, Silent())
    assert not checked.passed
    assert all(line.startswith(str(path)) for line in checked.text().splitlines())
    content = json.loads(checked.json())
    assert content["passed"] is False
    assert {difference["file"] for difference in content["differences"]} == {path.name}


def test_doctor_says_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = doctor()
    lines = dict(facts.lines)
    assert lines["imgprep"] == __version__
    assert lines["numpy"] == importlib.metadata.version("numpy")
    assert "opencv-python" in lines["OpenCV"]
    monkeypatch.setattr(inspecting, "_version", lambda name: "1.0" if "opencv" in name else "")
    broken = doctor()
    assert any("several OpenCV wheels overwrite each other" in problem for problem in broken.problems)
    assert any("pip install opencv-python-headless" in problem for problem in broken.problems)
