"""A project to be hurt: its own images, one process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.program import Done
from tests.support.project import Project

SECTIONS = {
    "name": "case",
    "source": {"layout": "directory", "path": "source"},
    "split": {"test": 2, "validation": 2},
    "execution": {"engine": "serial", "workers": 1},
}


def make(folder: Path) -> Project:
    """A project in a folder, its images in ``source``, where there are none yet."""
    made = Project(folder, folder / "source", SECTIONS)
    made.source.mkdir()
    made.write()
    return made


@pytest.fixture
def case(tmp_path: Path) -> Project:
    """The project of one test, which draws or damages its images."""
    return make(tmp_path)


@pytest.fixture
def imgprep(case: Project) -> Callable[..., Done]:
    """Runs ``imgprep ARGUMENTS`` in this process, in the folder that the project has by then."""
    return case.call


@pytest.fixture(scope="session")
def new_case() -> Callable[[Path], Project]:
    """Makes such a project in a given folder, for fixtures that outlive a test."""
    return make
