"""A library that is missing or broken is told with what to do, by the command line, doctor and the Python API."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import imgprep as package
from imgprep.commands.inspect import doctor
from imgprep.util import installation
from tests.support.project import Project
from tests.support.what_is_measured import unmeasured

MISSING = "raise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')"
NO_LIBGL = "raise ImportError('libGL.so.1: cannot open shared object file', name='cv2')"
LEFT_BEHIND = ""
ANEW = "pip uninstall opencv-python-headless, then pip install opencv-python-headless"


def _run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python where cv2 is a module with this code."""
    (folder / "cv2").mkdir()
    (folder / "cv2" / "__init__.py").write_text(code)
    path = os.pathsep.join([str(folder), str(Path(package.__file__).parents[1])])
    command = [sys.executable, *arguments]
    environment = unmeasured() | {"PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [(MISSING, "No module named 'cv2'"), (NO_LIBGL, "this build wants a desktop"), (LEFT_BEHIND, "has no attribute")],
)
def test_a_command_says_what_to_do_where_opencv_does_not_load(tmp_path: Path, code: str, said: str) -> None:
    done = _run(tmp_path, code, "-m", "imgprep", "schema")
    assert done.returncode == 5
    (line,) = done.stderr.splitlines()
    assert line.startswith("imgprep: error: OpenCV (cv2) does not load (")
    assert said in line
    assert ANEW in line
    assert "defect" not in line


@pytest.mark.slow
def test_doctor_runs_without_opencv(tmp_path: Path) -> None:
    done = _run(tmp_path, LEFT_BEHIND, "-m", "imgprep", "doctor")
    assert done.returncode == 5
    assert "Area resize" in done.stdout
    assert ANEW in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_the_python_api_says_the_same(tmp_path: Path) -> None:
    code = (
        "import imgprep; imgprep.load\ntry: imgprep.audit\nexcept imgprep.errors.ResourceError as error: print(error)\n"
    )
    done = _run(tmp_path, MISSING, "-c", code)
    assert done.stdout.startswith("OpenCV (cv2) does not load"), done.stderr


def _installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """As if only these packages were installed."""

    def version(name: str) -> str:
        found = versions.get(name.replace("-", "_"))
        if found is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)


def _without(module: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {module!r}", name=module)


def test_what_is_missing_is_named_as_pip_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch)
    expected = "OpenCV (cv2) is not installed: pip install opencv-python-headless"
    assert installation.remedy(_without("cv2")) == expected
    assert installation.remedy(_without("nomodule.part")) == "nomodule is not installed: pip install nomodule"
    broken = ImportError("undefined symbol: x", name="yaml._yaml")
    assert "PyYAML does not load (undefined symbol: x)" in str(installation.remedy(broken))


def test_what_is_no_matter_of_the_installation_stays_a_defect() -> None:
    assert installation.remedy(_without("imgprep.nothing")) is None
    assert installation.remedy(ValueError("x")) is None
    with pytest.raises(AttributeError) as raised:
        _ = pytest.no_such_name
    assert installation.remedy(raised.value) is None


def test_doctor_and_errors_name_wheels_of_opencv_that_overwrite_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, opencv_python="4.12.0", opencv_contrib_python="4.12.0")
    expected = (
        "several OpenCV wheels overwrite each other: opencv-python, opencv-contrib-python; "
        "pip uninstall opencv-python opencv-contrib-python, then pip install opencv-python-headless"
    )
    assert doctor().problems == (expected,)
    assert installation.remedy(_without("cv2")) == expected


@pytest.mark.parametrize(("other", "noted"), [("4.12.0", False), ("4.13.0", True)])
def test_a_run_notes_wheels_of_several_versions(
    project: Project, monkeypatch: pytest.MonkeyPatch, other: str, noted: bool
) -> None:
    _installed(monkeypatch, opencv_python="4.12.0", opencv_python_headless=other)
    done = project.call("convert", project.spec)
    assert done.returncode == 0, done.stderr
    assert ("several OpenCV wheels" in done.stderr) == noted


def test_nothing_is_wrong_here() -> None:
    assert not doctor().problems
