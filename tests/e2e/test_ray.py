"""The engine `ray` on a cluster of processes on this machine: the bytes of a run without it."""

import signal
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


def on(project: Project, **execution: Any) -> Path:
    return project.write(**SECTIONS, execution={"engine": "ray", **execution})


@pytest.mark.slow
def test_a_run_on_a_cluster_gives_the_bytes_of_a_serial_one(
    sharded: Project, expected: dict[str, str], ray_cluster: Any
) -> None:
    done = sharded.call("run", on(sharded, address="auto"))
    assert done.returncode == 0, done.stderr
    assert sharded.hashes() == expected


@pytest.mark.slow
def test_without_an_address_the_cluster_is_on_this_machine(sharded: Project, expected: dict[str, str]) -> None:
    pytest.importorskip("ray")
    done = sharded.run("convert", on(sharded, workers=2))
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "ray" not in done.stderr.lower()
    assert sharded.hashes().items() <= expected.items()


@pytest.mark.slow
def test_an_interrupt_ends_what_runs_on_the_cluster(
    sharded: Project, expected: dict[str, str], ray_cluster: Any
) -> None:
    spec = on(sharded, address="auto")
    journal = sharded.output / ".imgprep" / "convert.journal.jsonl"
    process = sharded.start("convert", spec)
    poll(lambda: journal.exists() and journal.read_bytes(), "the first shard", during=process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False), err
    assert sharded.call("run", spec).returncode == 0
    assert sharded.hashes() == expected


@pytest.mark.slow
def test_nodes_with_other_versions_are_refused(
    sharded: Project, ray_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgprep.engines import node

    monkeypatch.setattr(node, "versions", lambda: {"opencv": "4.0.1"})
    done = sharded.call("convert", on(sharded, address="auto"))
    assert done.returncode == 5
    assert "would make other bytes: opencv " in done.stderr
    assert not (sharded.output / "convert" / "dataset.json").exists()


def test_without_ray_the_error_names_the_extra(sharded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = sharded.call("convert", on(sharded, address="auto"))
    assert done.returncode == 2
    assert "execution.engine: ray needs Ray: pip install 'imgprep[ray]'" in done.stderr


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "10.0.0.1:6379", "scheduler.json"])
def test_an_address_of_something_else_is_refused(sharded: Project, address: str) -> None:
    done = sharded.call("convert", on(sharded, address=address))
    assert done.returncode == 2
    assert f"execution.address: {address}: Ray has auto, the cluster of this machine, or ray://" in done.stderr
