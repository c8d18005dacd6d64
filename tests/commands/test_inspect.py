import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imgprep.commands import main
from imgprep.commands.inspect import doctor, json_of, show, verify
from imgprep.commands.session import Request, Silent
from imgprep.dataset.manifest_schema import seal
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


@pytest.mark.parametrize("stage", ["convert", "split", "pack"])
@pytest.mark.parametrize("way", ["flip", "cut", "empty", "lost", "folder"])
def test_verify_calls_an_index_damaged_that_cannot_be_read(output: Path, stage: str, way: str) -> None:
    index = output / stage / "dataset.json"
    content = index.read_bytes()
    index.unlink()
    if way == "folder":
        index.mkdir()
    elif way != "lost":
        index.write_bytes({"flip": b"z" + content[1:], "cut": content[:-40], "empty": b""}[way])
    for folder in (output, output / stage):
        checked = verify(folder, 1, Silent())
        assert not checked.passed
        assert [found.file for _, found in checked.differences] == ["dataset.json"]
        assert checked.text().startswith(f"{index}: ")
        assert json.loads(checked.json())["passed"] is False


@pytest.mark.slow
def test_verify_finds_every_flipped_bit_of_an_index(output: Path) -> None:
    index = output / "split" / "dataset.json"
    content = index.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 60)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        index.write_bytes(damaged)
        assert not verify(output / "split", 1, Silent()).passed, place


def test_another_version_is_no_damage(output: Path) -> None:
    index = output / "pack" / "dataset.json"
    body, _, _ = index.read_bytes().rpartition(b',\n  "digest"')
    index.write_bytes(seal(body.replace(b'"format_version": 1', b'"format_version": 2') + b"\n}"))
    with pytest.raises(RequestError, match="format version 2, this imgprep reads version 1"):
        verify(output / "pack", 1, Silent())


@pytest.mark.parametrize("name", ["train-00009-of-00010.h5", "extra.npz", "notes.txt", "more/"])
def test_verify_names_what_the_index_does_not_list(output: Path, name: str) -> None:
    path = output / "pack" / name.rstrip("/")
    path.mkdir() if name.endswith("/") else path.write_bytes(b"x")
    (output / "pack" / ".tmp-12-left-by-a-killed-run.h5").write_bytes(b"half")
    checked = verify(output / "pack", 1, Silent())
    assert checked.text() == f"{path}: is not listed in dataset.json; move it out of the folder if it is yours"


def test_a_folder_that_is_no_dataset_is_a_wrong_request(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no dataset")
    with pytest.raises(RequestError, match=r"no finished imgprep dataset, dataset\.json is missing"):
        verify(tmp_path, 1, Silent())


def test_doctor_says_what_is_installed() -> None:
    facts = doctor()
    lines = dict(facts.lines)
    assert lines["imgprep"] == __version__
    assert lines["numpy"] == importlib.metadata.version("numpy")
    assert "opencv-python" in lines["OpenCV"]
    assert (lines["Pillow"], lines["simplejpeg"]) == tuple(map(importlib.metadata.version, ("Pillow", "simplejpeg")))
    for module, package in (
        ("pi_heif", "pi-heif"),
        ("pillow_heif", "pillow-heif"),
        ("pillow_jxl", "pillow-jxl-plugin"),
        ("distributed", "distributed"),
        ("ray", "ray"),
    ):
        is_there = importlib.util.find_spec(module) is not None
        assert lines[package].startswith("not installed (optional: ") != is_there
