"""Projects and the program as fixtures of all tests."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import fork_servers, program
from tests.support.program import Done
from tests.support.project import Project, poll

PROCESSES = {"execution": {"workers": 2}}


@pytest.fixture(scope="session", autouse=True)
def _shared_fork_servers() -> Iterator[None]:
    """Commands that run in the process of the tests share their fork servers; those of `Project.run` do not."""
    with fork_servers.shared():
        yield


@pytest.fixture
def own_fork_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of this test start their own fork servers, as those of a user do."""
    fork_servers.own(monkeypatch)


@pytest.fixture
def project(tmp_path: Path, collection: Path) -> Iterator[Project]:
    """A project over the small collection: ash, oak, elm."""
    made = Project(tmp_path, collection, PROCESSES)
    made.write()
    yield made
    made.end()


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects over a given folder of images, with the given sections of the spec."""
    made: list[Project] = []

    def make(source: Path, **sections: Any) -> Project:
        folder = tmp_path / f"project-{len(made)}"
        folder.mkdir()
        made.append(Project(folder, source, PROCESSES))
        made[-1].write(**sections)
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture(scope="session")
def project_type() -> Callable[[Path, Path], Project]:
    """`Project` with two workers, for fixtures that outlive a test."""
    return functools.partial(Project, sections=PROCESSES)


@pytest.fixture(scope="session")
def waiting() -> Callable[..., Any]:
    """`poll`, for tests."""
    return poll


@pytest.fixture
def imgprep(tmp_path: Path) -> Callable[..., Done]:
    """Runs ``imgprep ARGUMENTS`` in this process, in the folder of the test unless told otherwise."""
    return functools.partial(program.call, cwd=tmp_path)


@pytest.fixture
def run_cli(tmp_path: Path) -> Callable[..., Done]:
    """Runs ``imgprep ARGUMENTS`` as a user would, in the folder of the test unless told otherwise; without input."""

    def run(
        *arguments: object,
        cwd: Path = tmp_path,
        env: dict[str, str] | None = None,
        python: tuple[str, ...] = (),
        timeout: float = 120,
    ) -> Done:
        return subprocess.run(
            [sys.executable, *python, "-m", "imgprep", *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"NO_COLOR": "1"} | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="module")  # its processes are not idle for the rest of the tests
def dask_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Dask cluster of three workers, in processes of their own; see `dask_cluster.Cluster`."""
    pytest.importorskip("distributed")
    from tests.support.dask_cluster import Cluster

    with Cluster(tmp_path_factory.mktemp("dask"), 3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """A Ray cluster of two cores, in processes of its own; see `ray_cluster.Cluster`. `auto` finds it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # Ray reads it when it is imported
        pytest.importorskip("ray")
        from tests.support.ray_cluster import Cluster

        with Cluster() as cluster:
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
