"""What the engine `dask` has beside the contract of all engines."""

from collections.abc import Iterator
from typing import Any

import pytest

from imgprep.engines.base import WorkerError
from imgprep.engines.dask import Dask, _answer
from imgprep.errors import ResourceError
from tests.support.cluster_runs import check_killed_decoder, check_slow_item
from tests.support.engine_jobs import Work, work

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow  # clusters of processes


@pytest.fixture
def engine(dask_cluster: Any) -> Iterator[Dask]:
    made = Dask(workers=2, item_timeout=20.0, address=dask_cluster.address)
    yield made
    made.close()


def test_an_item_that_kills_its_decoder_costs_that_item_and_no_node(engine: Dask, dask_cluster: Any) -> None:
    before = [node.pid for node in dask_cluster.nodes]
    check_killed_decoder(engine)
    assert all(node.poll() is None for node in dask_cluster.nodes)
    assert before == [node.pid for node in dask_cluster.nodes]


def test_an_item_that_takes_too_long_costs_that_item(dask_cluster: Any) -> None:
    check_slow_item(Dask(workers=2, item_timeout=0.5, address=dask_cluster.address))


def test_few_plans_are_taken_at_a_time(engine: Dask) -> None:
    taken = []

    def plans() -> Iterator[Work]:
        for number in range(100):
            taken.append(number)
            yield Work(str(number))

    run = engine.run(work, plans())
    next(run)
    assert len(taken) < 20
    run.close()


class _Lost:
    """A future of Dask whose node is lost."""

    def __init__(self, status: str, error: Exception | None = None) -> None:
        self.status, self.error = status, error

    def exception(self) -> Exception | None:
        return self.error


class KilledWorker(Exception):  # noqa: N818 - the name that Dask gives it
    """As in `distributed.scheduler`."""


def test_a_lost_node_is_told_from_a_fault_of_the_plan() -> None:
    assert _answer(_Lost("cancelled")) is None
    assert _answer(_Lost("lost")) is None
    assert _answer(_Lost("error", KilledWorker())) is None
    answer = _answer(_Lost("error", KeyError("x")))
    assert answer is not None
    assert "on the cluster: KeyError: 'x'" in str(answer.error)


def test_a_plan_that_is_lost_again_and_again_fails(engine: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgprep.engines import dask

    tries = []
    monkeypatch.setattr(dask, "_answer", tries.append)
    (outcome,) = engine.run(work, [Work("unlucky")])
    assert isinstance(outcome.error, WorkerError)
    assert isinstance(outcome.error, ResourceError)
    assert str(outcome.error) == "a part of a stage was lost with its node 6 times"
    assert len(tries) == 6
