"""Runs the command line in the process of the tests, which takes a hundredth of the start of a process."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

Done = subprocess.CompletedProcess[str]


def call(*arguments: object, cwd: Path) -> Done:
    """Runs ``imgprep ARGUMENTS`` in this process; no input may make a traceback or report a defect.

    It does what the console script does but for the streams of the process: use `Project.run`, or the fixture
    `run_cli`, for signals, closed pipes, terminals and the exit of an interpreter.

    Args:
        *arguments: without the name of the program.
        cwd: the working directory meanwhile.
    """
    from imgprep.cli.exit_status import run

    words = [str(argument) for argument in arguments]
    with contextlib.chdir(cwd), _captured("stdout") as out, _captured("stderr") as err:
        code = run(words)
    done = subprocess.CompletedProcess(words, code, _text(out), _text(err))
    no_traceback(done)
    return done


def no_traceback(done: Done) -> None:
    """Fails for a traceback that nobody asked for, and for an error that the program itself calls a defect."""
    if not {"-v", "--verbose"} & set(map(str, done.args)):
        assert "Traceback" not in done.stderr, done.stderr
    assert "a defect in imgprep" not in done.stderr, done.stderr


@contextlib.contextmanager
def _captured(name: str) -> Iterator[IO[bytes]]:
    """Whatever this process and those that it starts write to a standard stream goes to a file."""
    stream = getattr(sys, name)
    descriptor = {"stdout": 1, "stderr": 2}[name]
    stream.flush()
    kept = os.dup(descriptor)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is read after the end
    os.dup2(file.fileno(), descriptor)
    binary = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115 - a descriptor
    text = io.TextIOWrapper(binary, "utf-8", "backslashreplace", write_through=True)
    setattr(sys, name, text)
    try:
        yield file
    finally:
        text.flush()
        setattr(sys, name, stream)
        os.dup2(kept, descriptor)
        os.close(kept)


def _text(file: IO[bytes]) -> str:
    with file:
        file.seek(0)
        return file.read().decode("utf-8", "backslashreplace").replace("\r\n", "\n")
