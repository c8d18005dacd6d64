"""Standard output and error that are full, closed or read by nobody: one line or silence, and an honest status."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

FULL: Final = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")

PRINTING = {
    "--version": [],
    "--help": [],
    "schema": [],
    "doctor": [],
    "show": ["out"],
    "show --format": ["json", "out"],
    "verify": ["out"],
    "convert": ["spec.yaml"],
    "convert --dry-run": ["spec.yaml"],
    "run": ["spec.yaml"],
    "audit": ["spec.yaml"],
    "audit --format": ["json", "spec.yaml"],
    "review --sample": ["2", "spec.yaml", "--force"],
    "repair": ["spec.yaml"],
    "preview": ["spec.yaml"],
    "init -o": ["new.yaml", "source", "--force"],
}
"""Every command that prints a result."""
NOTED = "convert --force"
"""One that prints notes too."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, new_case: Any) -> Any:
    """A case of which everything was made."""
    case = new_case(tmp_path_factory.mktemp("made"))
    case.draw(ash=6, oak=6)
    case.write()
    assert case.run("run", case.spec, "-q").returncode == 0
    return case


@pytest.fixture
def unread() -> Iterator[int]:
    """The end of a pipe of which nobody has the other."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def shell(case: Any, command: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """What a shell makes of the command, in which ``imgprep`` stands for the program."""
    done = subprocess.run(
        ["bash", "-c", f'imgprep() {{ python -m imgprep "$@"; }}; {command}'],
        cwd=case.folder,
        env=case.environment | {"NO_COLOR": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "defect" not in done.stderr
    return done


@pytest.mark.parametrize("name", PRINTING)
def test_a_result_that_cannot_be_written_is_an_error(made: Any, name: str) -> None:
    quiet = "" if name.startswith("--") else "-q"
    done = shell(made, " ".join(["imgprep", name, *PRINTING[name], quiet, ">/dev/full"]))
    assert done.returncode == 5
    assert done.stderr == (
        "imgprep: error: standard output: cannot write: No space left on device; send it elsewhere\n"
    )


@pytest.mark.parametrize("command", ["--version", "--help", "schema", "show out", "convert spec.yaml"])
def test_a_result_that_nobody_reads_ends_the_command_in_silence(made: Any, unread: int, command: str) -> None:
    done = shell(made, f"imgprep {command}", unread)
    assert done.returncode == 141
    assert "error" not in done.stderr


def test_the_first_line_is_enough(made: Any) -> None:
    done = shell(made, "imgprep schema | head -n 1; echo ${PIPESTATUS[0]}")
    assert done.stdout in {"{\n0\n", "{\n141\n"}
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["--version", "schema", "show out", "convert spec.yaml -q"])
def test_a_closed_standard_output_is_an_error_of_one_line(made: Any, command: str) -> None:
    done = shell(made, f"imgprep {command} >&-")
    assert done.returncode == 5
    assert done.stderr == "imgprep: error: standard output: cannot write: Bad file descriptor; send it elsewhere\n"


@pytest.mark.parametrize("error", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("command", "status"), [(f"{NOTED} spec.yaml", 0), ("convert missing.yaml", 2), ("nonsense", 2), ("--help", 0)]
)
def test_messages_that_cannot_be_written_change_nothing(made: Any, error: str, command: str, status: int) -> None:
    before = made.content()
    done = shell(made, f"imgprep {command} {error}")
    assert done.returncode == status
    assert bool(done.stdout) == (status == 0)
    assert made.content() == before


def test_without_any_stream_the_bytes_are_the_same(made: Any) -> None:
    before = made.content()
    assert shell(made, f"imgprep {NOTED} spec.yaml <&- >&- 2>&-").returncode == 5
    assert shell(made, f"imgprep {NOTED} spec.yaml --set execution.engine=processes <&- 2>&-").returncode == 0
    assert made.content() == before


def test_messages_that_nobody_reads_end_the_command(made: Any, unread: int) -> None:
    assert shell(made, "imgprep convert missing.yaml 2>&1", unread).returncode == 141
