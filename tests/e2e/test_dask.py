"""The engine `dask` on a cluster of processes over TCP: the bytes of a run without it, whatever dies."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster_runs import SECTIONS
from tests.support.project import Project, poll


def on(project: Project, address: str) -> Path:
    return project.write(**SECTIONS, execution={"engine": "dask", "address": address})


def test_a_run_on_a_cluster_gives_the_bytes_of_a_serial_one(
    for_cluster: Project, serial_hashes: dict[str, str], dask_cluster: Any
) -> None:
    done = for_cluster.call("run", on(for_cluster, dask_cluster.address))
    assert done.returncode == 0, done.stderr
    assert for_cluster.hashes() == serial_hashes
    done = for_cluster.call("convert", for_cluster.spec, "--force", "--set", f"execution.address={dask_cluster.file}")
    assert done.returncode == 0, done.stderr
    assert for_cluster.hashes() == serial_hashes


@pytest.mark.slow
def test_a_node_that_dies_costs_no_image(
    for_cluster: Project, serial_hashes: dict[str, str], dask_cluster: Any
) -> None:
    spec = on(for_cluster, dask_cluster.address)
    dask_cluster.add()
    journal = for_cluster.output / ".imgprep" / "convert.journal.jsonl"
    process = for_cluster.start("convert", spec)
    poll(lambda: journal.exists() and journal.read_bytes(), "the first shard", during=process)
    dask_cluster.kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert for_cluster.call("run", spec).returncode == 0
    assert for_cluster.hashes() == serial_hashes


@pytest.mark.slow
def test_a_run_goes_on_where_a_killed_client_ended(
    for_cluster: Project, serial_hashes: dict[str, str], dask_cluster: Any
) -> None:
    spec = on(for_cluster, dask_cluster.address)
    journal = for_cluster.output / ".imgprep" / "convert.journal.jsonl"
    process = for_cluster.start("convert", spec)
    poll(lambda: journal.exists() and journal.read_bytes(), "the first shard", during=process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = for_cluster.call("run", spec)
    assert done.returncode == 0, done.stderr
    assert "shards were finished already" in done.stderr or "convert: up to date" in done.stderr
    assert for_cluster.hashes() == serial_hashes


def test_without_a_scheduler_the_run_fails_in_one_line(for_cluster: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgprep.engines import dask_client

    monkeypatch.setattr(dask_client, "PATIENCE", 1)
    done = for_cluster.call("convert", on(for_cluster, "tcp://127.0.0.1:9"))
    assert done.returncode == 5
    said = done.stderr.splitlines()[-1]
    assert "execution.address: tcp://127.0.0.1:9: cannot be reached" in said
    assert "start it with `dask scheduler`" in said


def test_nodes_with_other_versions_are_refused(
    for_cluster: Project, dask_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgprep.engines import node

    monkeypatch.setattr(node, "versions", lambda: {"opencv": "4.0.1"})
    done = for_cluster.call("convert", on(for_cluster, dask_cluster.address))
    assert done.returncode == 5
    assert "would make other bytes: opencv " in done.stderr
    assert "and 4.0.1 here; give all nodes the same" in done.stderr
    assert not (for_cluster.output / "convert" / "dataset.json").exists()


def test_without_dask_the_error_names_the_extra(for_cluster: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = for_cluster.call("convert", on(for_cluster, "tcp://127.0.0.1:9"))
    assert done.returncode == 2
    assert "execution.engine: dask needs Dask: pip install 'imgprep[dask]'" in done.stderr


def test_an_address_is_for_a_cluster(for_cluster: Project) -> None:
    done = for_cluster.call("convert", for_cluster.spec, "--set", "execution.address=tcp://127.0.0.1:9")
    assert done.returncode == 2
    assert (
        "execution.address: only a cluster has one; set engine: dask or ray, or leave it out for serial" in done.stderr
    )


def test_what_runs_a_cluster_is_imported_only_when_asked_for(for_cluster: Project) -> None:
    code = (
        "import sys; from imgprep.cli.exit_status import run; code = run(sys.argv[1:]); "
        "sys.exit(code or any(name.split('.')[0] in {'dask', 'distributed', 'ray'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, "convert", str(for_cluster.spec)], check=False).returncode == 0
