"""The engine `dask` on a cluster of processes over TCP: the bytes of a run without it, whatever dies."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import Project, poll

SECTIONS: dict[str, Any] = {
    "convert": {"size": [8, 8], "shard_size": 960},
    "augment": {"per_image": 2, "transforms": [{"flip": {"horizontal": 0.5}}], "shard_size": 960},
    "pack": {"dtype": "float32", "normalize": {"standardize": "channel"}, "shard_size": 3840},
    "split": {"near_duplicates": "ignore"},
}


@pytest.fixture
def sharded(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    project = new_project(tmp_path / "images", **SECTIONS, execution={"engine": "serial"})
    project.draw(apple=16, kiwi=12, pear=12)
    return project


@pytest.fixture
def expected(sharded: Project) -> dict[str, str]:
    """The hashes of a serial run, whose output is removed."""
    assert sharded.call("run", sharded.spec).returncode == 0
    hashes = sharded.hashes()
    sharded.output.rename(sharded.folder / "serial")
    return hashes


def on(project: Project, address: str) -> Path:
    return project.write(**SECTIONS, execution={"engine": "dask", "address": address})


def test_a_run_on_a_cluster_gives_the_bytes_of_a_serial_one(
    sharded: Project, expected: dict[str, str], dask_cluster: Any
) -> None:
    done = sharded.call("run", on(sharded, dask_cluster.address))
    assert done.returncode == 0, done.stderr
    assert sharded.hashes() == expected
    done = sharded.call("convert", sharded.spec, "--force", "--set", f"execution.address={dask_cluster.file}")
    assert done.returncode == 0, done.stderr
    assert sharded.hashes() == expected


@pytest.mark.slow
def test_a_node_that_dies_costs_no_image(sharded: Project, expected: dict[str, str], dask_cluster: Any) -> None:
    spec = on(sharded, dask_cluster.address)
    dask_cluster.add()
    journal = sharded.output / ".imgprep" / "convert.journal.jsonl"
    process = sharded.start("convert", spec)
    poll(lambda: journal.exists() and journal.read_bytes(), "the first shard", during=process)
    dask_cluster.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert sharded.call("run", spec).returncode == 0
    assert sharded.hashes() == expected


@pytest.mark.slow
def test_a_run_goes_on_where_a_killed_client_ended(
    sharded: Project, expected: dict[str, str], dask_cluster: Any
) -> None:
    spec = on(sharded, dask_cluster.address)
    journal = sharded.output / ".imgprep" / "convert.journal.jsonl"
    process = sharded.start("convert", spec)
    poll(lambda: journal.exists() and journal.read_bytes(), "the first shard", during=process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = sharded.call("run", spec)
    assert done.returncode == 0, done.stderr
    assert "shards were finished already" in done.stderr or "convert: up to date" in done.stderr
    assert sharded.hashes() == expected


def test_without_a_scheduler_the_run_fails_in_one_line(sharded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgprep.engines import dask_client

    monkeypatch.setattr(dask_client, "PATIENCE", 1)
    done = sharded.call("convert", on(sharded, "tcp://127.0.0.1:9"))
    assert done.returncode == 5
    said = done.stderr.splitlines()[-1]
    assert "execution.address: tcp://127.0.0.1:9: cannot be reached" in said
    assert "start it with `dask scheduler`" in said


def test_nodes_with_other_versions_are_refused(
    sharded: Project, dask_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgprep.engines import node

    monkeypatch.setattr(node, "versions", lambda: {"opencv": "4.0.1"})
    done = sharded.call("convert", on(sharded, dask_cluster.address))
    assert done.returncode == 5
    assert "would make other bytes: opencv " in done.stderr
    assert "and 4.0.1 here; give all nodes the same" in done.stderr
    assert not (sharded.output / "convert" / "dataset.json").exists()


def test_without_dask_the_error_names_the_extra(sharded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = sharded.call("convert", on(sharded, "tcp://127.0.0.1:9"))
    assert done.returncode == 2
    assert "execution.engine: dask needs Dask: pip install 'imgprep[dask]'" in done.stderr


def test_an_address_is_for_a_cluster(sharded: Project) -> None:
    done = sharded.call("convert", sharded.spec, "--set", "execution.address=tcp://127.0.0.1:9")
    assert done.returncode == 2
    assert (
        "execution.address: only a cluster has one; set engine: dask or ray, or leave it out for serial" in done.stderr
    )


def test_what_runs_a_cluster_is_imported_only_when_asked_for(sharded: Project) -> None:
    code = (
        "import sys; from imgprep.cli.exit_status import run; code = run(sys.argv[1:]); "
        "sys.exit(code or any(name.split('.')[0] in {'dask', 'distributed', 'ray'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, "convert", str(sharded.spec)], check=False).returncode == 0
