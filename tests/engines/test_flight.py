"""Plans on a cluster, whatever cluster it is."""

import pickle
from collections.abc import Callable, Hashable, Iterable
from itertools import count
from typing import Any

import pytest

from imgprep.engines.base import ItemCounter, Outcome, WorkerError
from imgprep.engines.flight import News, run_on_cluster
from imgprep.engines.node import Answer
from imgprep.errors import ResourceError
from tests.support.engine_jobs import Work, work


class Toy:
    """A cluster that answers the last plan first, and loses plans as it is told: name -> how often."""

    def __init__(self, lost: dict[str, int] | None = None) -> None:
        self.sent: dict[Hashable, Work] = {}
        self.most = self.restored = self.left = 0
        self.lost = dict(lost or {})
        self.keys = count()

    def room(self) -> int:
        return 3

    def send(self, plan: bytes) -> Hashable:
        key = next(self.keys)
        self.sent[key] = pickle.loads(plan)
        self.most = max(self.most, len(self.sent))
        return key

    def news(self) -> Iterable[News]:
        key, plan = self.sent.popitem()
        if self.lost.get(plan.name, 0):
            self.lost[plan.name] -= 1
            yield key, 1
            yield key, None
        else:
            yield key, 2
            yield key, Answer(plan.items, work(plan, ItemCounter()), None)
            yield key, 1  # a word that was late

    def restore(self) -> None:
        self.restored += 1

    def leave(self) -> None:
        self.left += 1


def run(toy: Toy, plans: Iterable[Work], progress: Callable[[int], None] | None = None) -> list[Outcome[Work, Any]]:
    return list(run_on_cluster(lambda _: toy, work, plans, progress))


def test_a_bounded_number_of_plans_is_on_the_cluster() -> None:
    toy, told = Toy(), list[int]()
    outcomes = run(toy, (Work(str(number)) for number in range(20)), told.append)
    assert sorted(int(outcome.plan.name) for outcome in outcomes) == list(range(20))
    assert (toy.most, toy.left, toy.restored) == (3, 1, 0)
    assert sum(told) == 100


def test_a_plan_that_was_lost_is_done_again_and_its_items_count_once() -> None:
    toy, told = Toy({"b": 5}), list[int]()
    outcomes = run(toy, [Work("a"), Work("b"), Work("c")], told.append)
    assert {outcome.plan.name: outcome.error for outcome in outcomes} == {"a": None, "b": None, "c": None}
    assert toy.restored == 5
    assert sum(told) == 15


def test_a_plan_that_is_lost_six_times_fails() -> None:
    outcomes = {outcome.plan.name: outcome for outcome in run(Toy({"b": 6}), [Work("a"), Work("b")])}
    assert outcomes["a"].error is None
    assert type(outcomes["b"].error) is WorkerError
    assert isinstance(outcomes["b"].error, ResourceError)
    assert str(outcomes["b"].error) == "a part of a stage was lost with its node 6 times"


def test_without_plans_no_cluster_is_asked() -> None:
    assert list(run_on_cluster(lambda _: pytest.fail("there is nothing to do"), work, [], None)) == []


def test_a_run_that_is_closed_leaves_the_cluster() -> None:
    toy = Toy()
    outcomes = run_on_cluster(lambda _: toy, work, (Work(str(number)) for number in range(9)), None)
    next(outcomes)
    outcomes.close()
    assert toy.left == 1
