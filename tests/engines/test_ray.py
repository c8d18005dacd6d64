"""What the engine `ray` has beside the contract of all engines."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgprep.engines.base import FunctionError
from imgprep.engines.ray import Ray
from imgprep.errors import ResourceError
from tests.support.cluster_runs import check_killed_decoder, check_slow_item
from tests.support.engine_jobs import Work, work


@pytest.fixture
def engine(ray_cluster: Any) -> Iterator[Ray]:
    made = Ray(workers=2, item_timeout=20.0, address="auto")
    yield made
    made.close()


def test_an_item_that_kills_its_decoder_costs_that_item_and_no_actor(engine: Ray) -> None:
    check_killed_decoder(engine)


def test_an_item_that_takes_too_long_costs_that_item(ray_cluster: Any) -> None:
    check_slow_item(Ray(workers=2, item_timeout=0.5, address="auto"))


def test_an_actor_that_dies_costs_no_item(engine: Ray, tmp_path: Path) -> None:
    plans = [Work(str(number), items=3) for number in range(6)]
    plans[2] = Work("2", items=3, faults={1: f"kill-node-once:{tmp_path / 'killed'}"})
    told: list[int] = []
    outcomes = {outcome.plan.name: outcome for outcome in engine.run(work, plans, told.append)}
    assert (tmp_path / "killed").read_text() == ".."
    assert [outcomes[str(number)].error for number in range(6)] == [None] * 6
    assert [outcomes[str(number)].value.done for number in range(6)] == [3] * 6
    assert sum(told) == 18


def test_a_plan_whose_actor_dies_each_time_fails(engine: Ray) -> None:
    outcomes = {o.plan.name: o for o in engine.run(work, [Work("good"), Work("bad", faults={1: "kill-node"})])}
    assert outcomes["good"].error is None
    assert str(outcomes["bad"].error) == "a part of a stage was lost with its node 6 times"


def test_a_fault_of_the_node_is_an_error_of_the_plan(engine: Ray) -> None:
    (outcome,) = engine.run(work, [Work("plan", ending="breaking")])
    assert isinstance(outcome.error, FunctionError)


def test_without_a_core_to_spare_the_run_ends(engine: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    from imgprep.engines import ray as module

    monkeypatch.setattr(module, "PATIENCE", 0.2)
    monkeypatch.setattr(ray, "cluster_resources", dict)
    with pytest.raises(ResourceError, match="no core to spare"):
        next(engine.run(work, [Work("plan")]))


def test_a_connection_of_the_program_stays(ray_cluster: Any) -> None:
    import ray

    ray.init("auto", log_to_driver=False, logging_level="ERROR")
    try:
        engine = Ray(workers=2, address="auto")
        (outcome,) = engine.run(work, [Work("plan")])
        engine.close()
        assert outcome.value.pid != os.getpid()
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def test_the_client_of_ray_does_the_same(ray_cluster: Any) -> None:
    engine = Ray(workers=2, address=ray_cluster.client)
    try:
        plans = [Work(str(number), items=number) for number in range(8)]
        told: list[int] = []
        outcomes = list(engine.run(work, plans, told.append))
    finally:
        engine.close()
    assert sorted((o.plan.name, o.value.done) for o in outcomes) == [(str(number), number) for number in range(8)]
    assert sum(told) == 28
