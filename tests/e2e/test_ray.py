"""The engine `ray` on a cluster of processes on this machine: the bytes of a run without it."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster_runs import SECTIONS
from tests.support.project import Project, poll


def on(project: Project, **execution: Any) -> Path:
    return project.write(**SECTIONS, execution={"engine": "ray", **execution})


@pytest.mark.slow
def test_a_run_on_a_cluster_gives_the_bytes_of_a_serial_one(
    for_cluster: Project, serial_hashes: dict[str, str], ray_cluster: Any
) -> None:
    done = for_cluster.call("run", on(for_cluster, address="auto"))
    assert done.returncode == 0, done.stderr
    assert for_cluster.hashes() == serial_hashes


@pytest.mark.slow
def test_without_an_address_the_cluster_is_on_this_machine(for_cluster: Project, serial_hashes: dict[str, str]) -> None:
    pytest.importorskip("ray")
    done = for_cluster.run("convert", on(for_cluster, workers=2))
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "ray" not in done.stderr.lower()
    assert for_cluster.hashes().items() <= serial_hashes.items()


@pytest.mark.slow
def test_an_interrupt_ends_what_runs_on_the_cluster(
    for_cluster: Project, serial_hashes: dict[str, str], ray_cluster: Any
) -> None:
    spec = on(for_cluster, address="auto")
    journal = for_cluster.output / ".imgprep" / "convert.journal.jsonl"
    process = for_cluster.start("convert", spec)
    poll(lambda: journal.exists() and journal.read_bytes(), "the first shard", during=process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False), err
    assert for_cluster.call("run", spec).returncode == 0
    assert for_cluster.hashes() == serial_hashes


@pytest.mark.slow
def test_nodes_with_other_versions_are_refused(
    for_cluster: Project, ray_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgprep.engines import node

    monkeypatch.setattr(node, "versions", lambda: {"opencv": "4.0.1"})
    done = for_cluster.call("convert", on(for_cluster, address="auto"))
    assert done.returncode == 5
    assert "would make other bytes: opencv " in done.stderr
    assert not (for_cluster.output / "convert" / "dataset.json").exists()


def test_without_ray_the_error_names_the_extra(for_cluster: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = for_cluster.call("convert", on(for_cluster, address="auto"))
    assert done.returncode == 2
    assert "execution.engine: ray needs Ray: pip install 'imgprep[ray]'" in done.stderr


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "10.0.0.1:6379", "scheduler.json"])
def test_an_address_of_something_else_is_refused(for_cluster: Project, address: str) -> None:
    done = for_cluster.call("convert", on(for_cluster, address=address))
    assert done.returncode == 2
    assert f"execution.address: {address}: Ray has auto, the cluster of this machine, or ray://" in done.stderr
