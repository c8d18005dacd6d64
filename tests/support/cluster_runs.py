"""Runs on a cluster, whatever the engine: a project of several shards, and checks that the engines share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from imgprep.engines.base import Engine
from tests.support.engine_jobs import Work, work
from tests.support.project import Project

SECTIONS: Final[dict[str, Any]] = {
    "convert": {"size": [8, 8], "shard_size": 960},
    "augment": {"per_image": 2, "transforms": [{"flip": {"horizontal": 0.5}}], "shard_size": 960},
    "pack": {"dtype": "float32", "normalize": {"standardize": "channel"}, "shard_size": 3840},
    "split": {"near_duplicates": "ignore"},
}


@pytest.fixture
def for_cluster(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    project = new_project(tmp_path / "images", **SECTIONS, execution={"engine": "serial"})
    project.draw(apple=16, kiwi=12, pear=12)
    return project


@pytest.fixture
def serial_hashes(for_cluster: Project) -> dict[str, str]:
    """The hashes of a serial run."""
    return for_cluster.hashes_of_a_run()


def check_killed_decoder(engine: Engine) -> None:
    """An item that kills its decoder costs that item."""
    plans = [Work(str(number), items=4, faults={2: "kill"} if number == 1 else {}) for number in range(5)]
    outcomes = {outcome.plan.name: outcome for outcome in engine.run(work, plans)}
    assert [outcomes[str(number)].error for number in range(5)] == [None] * 5
    values = {name: outcome.value for name, outcome in outcomes.items()}
    assert [values[str(number)].done for number in range(5)] == [4, 3, 4, 4, 4]
    assert "signal 9" in str(values["1"])


def check_slow_item(engine: Engine) -> None:
    """An item that takes longer than the half second of the engine costs that item; the engine is closed."""
    try:
        (outcome,) = engine.run(work, [Work("slow", items=3, faults={1: "sleep:30"})])
    finally:
        engine.close()
    assert outcome.error is None
    assert outcome.value.done == 2
    assert "took longer than 0.5 s" in str(outcome.value)
