"""numpy as the command line imports it: its threads keep no core busy, and nobody inherits a variable."""

import subprocess
import sys
from pathlib import Path

import pytest

from imgprep.cli import blas

VARIABLE = "OPENBLAS_THREAD_TIMEOUT"
PROGRAM = f"""
import os
from imgprep.cli.blas import import_numpy
seen = []
class Finder:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == "numpy":
            seen.append(os.environ.get("{VARIABLE}"))
import sys
sys.meta_path.insert(0, Finder)
import_numpy()
print(seen, os.environ.get("{VARIABLE}"), "numpy" in sys.modules)
"""


def imported(given: str | None) -> str:
    folder = str(Path(blas.__file__).parents[2])
    environment = {"PYTHONPATH": folder} | ({} if given is None else {VARIABLE: given})
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


def test_only_the_library_sees_the_variable() -> None:
    assert imported(None) == "['4'] None True"


def test_what_the_user_has_set_holds() -> None:
    """Then numpy is left to whoever needs it."""
    assert imported("20") == "[] 20 False"


def test_numpy_that_is_there_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas.os, "environ", {})
    blas.import_numpy()
    assert blas.os.environ == {}
