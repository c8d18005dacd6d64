"""Workers that start before the command line is parsed: when, and that none of them stays behind."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from imgprep.cli.early_start import early_workers
from imgprep.cli.exit_status import run
from imgprep.engines.launch import ForkServer, Launchers, can_fork

CONVERT = "imgprep.stages.convert.job"
MEASURE = "imgprep.checks.measure_images"
PACK = "imgprep.stages.pack.job"
SPEC = "source: {layout: directory, path: images}\noutput: out\n"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The modules of every process that was started ahead."""
    found: list[Sequence[str]] = []
    monkeypatch.setattr(Launchers, "prepare", lambda _, modules=(): found.append(tuple(modules)))
    return found


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def finished(output: str, *stages: str) -> None:
    for stage in stages:
        Path(output, stage).mkdir(parents=True)
        Path(output, stage, "dataset.json").touch()


def early(*arguments: str) -> bool:
    with early_workers(arguments) as launchers:
        return launchers is not None


@pytest.mark.parametrize(
    ("arguments", "modules"),
    [
        (("convert", "spec.yaml"), (CONVERT,)),
        (("audit", "--workers", "2", "spec.yaml"), (MEASURE,)),
        (("run", "spec.yaml", "--set", "seed=3"), (MEASURE, CONVERT)),
        (("pack", "spec.yaml", "--output", "elsewhere"), (CONVERT,)),
    ],
)
def test_a_command_that_makes_everything_has_its_workers_start(
    spec: Path, started: list[Sequence[str]], arguments: tuple[str, ...], modules: tuple[str, ...]
) -> None:
    assert early(*arguments)
    assert started == [modules]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--help",),
        ("convert",),
        ("convert", "lost.yaml"),
        ("convert", "spec.yaml", "--dry-run"),
        ("convert", "spec.yaml", "--help"),
        ("convert", "spec.yaml", "--set", "execution.engine=serial"),
        ("convert", "spec.yaml", "--set=execution.engine=serial"),
        ("status", "spec.yaml"),
        ("convert", "other.yaml"),
        ("convert", "--output", "made", "spec.yaml"),
    ],
)
def test_others_do_not(spec: Path, started: list[Sequence[str]], arguments: tuple[str, ...]) -> None:
    Path("other.yaml").write_text(SPEC + "execution: {engine: threads}\n")
    finished("made", "convert")
    assert not early(*arguments)
    assert not started


@pytest.mark.parametrize(
    ("command", "made", "modules"),
    [
        ("pack", (), (CONVERT,)),
        ("pack", ("convert",), (PACK, "imgprep.stages.pack.statistics")),
        ("pack", ("convert", "pack"), None),
        ("augment", ("convert",), ("imgprep.stages.augment.job",)),
        ("split", ("convert",), None),
    ],
)
def test_the_first_stage_that_is_missing_says_what_the_workers_need(
    spec: Path, started: list[Sequence[str]], command: str, made: tuple[str, ...], modules: Sequence[str] | None
) -> None:
    Path("out", ".imgprep").mkdir(parents=True)  # an earlier command has made something
    finished("out", *made)
    assert early(command, "spec.yaml") == (modules is not None)
    assert started == ([] if modules is None else [modules])


def when(path: Path, nanoseconds: int) -> None:
    os.utime(path, ns=(nanoseconds, nanoseconds))


@pytest.mark.parametrize(
    ("changed", "starts"),
    [
        ("spec.yaml", True),
        ("images", True),
        ("images/apple", True),
        ("images/apple/red", True),
        ("images/apple/red/1.png", False),
        ("out", False),
        (None, False),
    ],
)
def test_workers_start_where_the_source_is_newer_than_what_was_made_of_it(
    spec: Path, started: list[Sequence[str]], changed: str | None, starts: bool
) -> None:
    finished("out", "convert", "pack")
    Path("images", "apple", "red").mkdir(parents=True)
    Path("images", "apple", "red", "1.png").touch()
    for path in ("spec.yaml", "images", *map(str, Path("images").rglob("*")), "out", *map(str, Path("out").rglob("*"))):
        when(Path(path), 5)
    if changed is not None:
        when(Path(changed), 6)
    assert early("pack", "spec.yaml") == starts
    assert started == ([(CONVERT,)] if starts else [])


def test_large_folders_are_not_looked_through(
    spec: Path, started: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgprep.cli.early_start._MOST", 3)
    finished("out", "convert")
    for name in "abcde":
        Path("images", name).mkdir(parents=True)
    for path in ("spec.yaml", "images", "out/convert/dataset.json", *map(str, Path("images").iterdir())):
        when(Path(path), 5)
    assert not early("convert", "spec.yaml")
    for path in Path("images").iterdir():
        when(path, 6)
    assert early("convert", "spec.yaml"), "three of the five were looked at"


def test_every_module_that_is_imported_ahead_exists(spec: Path, started: list[Sequence[str]]) -> None:
    """One that cannot be imported would be left out in silence."""
    from importlib.util import find_spec

    assert all(early(command, "spec.yaml") for command in ("run", "split", "augment", "features"))
    finished("out", "convert")
    assert all(early(command, "spec.yaml") for command in ("augment", "pack"))
    assert all(find_spec(module) is not None for modules in started for module in modules)


@pytest.mark.skipif(not can_fork(), reason="workers are started from nothing")
def test_the_process_ends_with_a_command_that_needs_none(
    spec: Path, own_fork_servers: None, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    made: list[ForkServer] = []

    class Noted(ForkServer):
        def __init__(self, modules: Sequence[str] = ()) -> None:
            super().__init__(modules)
            made.append(self)

    monkeypatch.setattr("imgprep.engines.launch.ForkServer", Noted)
    spec.write_text(SPEC + "convert: {size: 5}\n")
    assert run(["convert", "spec.yaml"]) == 2
    assert [server.usable() for server in made] == [False]
    assert b"convert.size" in capsysbinary.readouterr().err


@pytest.mark.skipif(not can_fork(), reason="workers are started from nothing")
def test_a_process_that_nobody_used_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.syspath_prepend(tmp_path)
    server = ForkServer(["endless"])
    began = time.monotonic()
    server.close()
    assert time.monotonic() - began < 30
    assert not server.usable()


PROGRAM = """
import json, sys
from imgprep.cli.exit_status import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""
UNNEEDED = (
    *("h5py", "PIL.Image", "rich", "tqdm", "distributed", "ray", "jinja2"),
    *(f"imgprep.checks.{name}" for name in ("base", "judge", "measure", "report", "plain_rules")),
    *(f"imgprep.checks.rules.{name}" for name in ("counts", "quality", "labels", "duplicates", "packed")),
    *(f"imgprep.engines.{name}" for name in ("dask", "ray", "serial", "threads", "node", "flight")),
    *(f"imgprep.sources.{name}" for name in ("hdf5", "npz", "idx", "webdataset", "parquet", "dataset", "records")),
    *(f"imgprep.stages.{name}" for name in ("split.stage", "augment.stage", "pack.stage", "features.stage")),
    *(f"imgprep.{name}" for name in ("review", "testing", "spec.own_rules", "spec.schema", "commands.audit", "api")),
)
"""Modules that convert of a folder does without, in the process of the command."""


def imported(folder: Path, *arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command, and what its process has imported."""
    import subprocess

    program = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=True, timeout=120)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


def test_convert_imports_what_it_needs(tmp_path: Path, collection: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        f"source: {{layout: directory, path: {json.dumps(str(collection))}}}\noutput: out\n"
        "convert: {size: [8, 8]}\nexecution: {workers: 1}\n"
    )
    code, modules = imported(tmp_path, "convert", "spec.yaml")
    assert code == 0
    assert "imgprep.stages.convert.stage" in modules
    assert not {*UNNEEDED} & modules


def test_a_refused_spec_imports_no_stage(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("source: {layout: directory, path: .}\noutput: out\nsplit: {tset: 1}\n")
    code, modules = imported(tmp_path, "convert", "spec.yaml")
    assert code == 2
    unneeded = {
        "cv2",
        "simplejpeg",
        "imgprep.commands.pipeline",
        "imgprep.stages.convert.stage",
        "imgprep.stages.convert.job",
    }
    assert not ({*UNNEEDED} | unneeded) & modules


@pytest.mark.parametrize(
    "module", [CONVERT, MEASURE, PACK, "imgprep.stages.augment.job", "imgprep.stages.convert.measured"]
)
def test_workers_do_without_pydantic(module: str, tmp_path: Path) -> None:
    import subprocess

    code = f"import sys, {module}; sys.exit(bool({{'pydantic', 'typer', 'rich', 'yaml'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
