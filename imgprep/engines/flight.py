"""Plans on a cluster: how many are sent at a time, and what becomes of those whose node is lost.

It is the common part of the engines `dask` and `ray`. A plan is small: rows of metadata. Nodes read the source and
write the output themselves, so both must be at the same paths on all of them.
"""

import pickle
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias

from imgprep.engines.base import Function, Outcome, P, ProgressCounter, R, WorkerError

if TYPE_CHECKING:
    from imgprep.engines.node import Answer

_MOST_LOST: Final = 5
"""Times that a plan is tried again because its node was lost."""

News: TypeAlias = "tuple[Hashable, int | Answer | None]"
"""The key of a plan, and how many of its items are finished, or its answer; None where its node was lost."""


class Cluster(Protocol):
    """Where the plans of one run are sent."""

    def room(self) -> int:
        """The number of plans that may be on the cluster; asked when there may be one to send."""
        ...

    def send(self, plan: bytes) -> Hashable:
        """Sends a pickled plan, and gives the key that news of it have."""
        ...

    def news(self) -> Iterable[News]:
        """Waits a moment at most, and gives what the nodes have said."""
        ...

    def restore(self) -> None:
        """Replaces what may have been lost with a node, the function that it was sent."""
        ...

    def leave(self) -> None:
        """Cancels what is still on the cluster, and ends the run."""
        ...


@dataclass(slots=True, eq=False)
class _Sent(Generic[P]):
    """A plan: as it was given, the counter of its finished items, and how many nodes it was lost with."""

    plan: P
    counter: ProgressCounter
    lost: int = 0


class _Flight(Generic[P]):
    """The plans of one run, of which a bounded number is on the cluster."""

    def __init__(self, cluster: Cluster, plans: Iterator[P], progress: Callable[[int], None] | None) -> None:
        self._cluster = cluster
        self._plans = plans
        self._progress = progress
        self._over = False
        self._again: deque[_Sent[P]] = deque()
        self._sent: dict[Hashable, _Sent[P]] = {}

    def outcomes(self) -> Iterator[Outcome[P, Any]]:
        """Yields the outcome of each plan, in order of completion."""
        self._fill()
        while self._sent or self._again or not self._over:
            for key, said in self._cluster.news():
                sent = self._sent.get(key)
                if sent is None:
                    continue
                if isinstance(said, int):
                    sent.counter.update(said)
                else:
                    del self._sent[key]
                    outcome = self._outcome(sent, said)
                    self._fill()
                    if outcome is not None:
                        yield outcome
            self._fill()

    def _fill(self) -> None:
        """Sends plans while there is room."""
        while (self._again or not self._over) and len(self._sent) < self._cluster.room():
            if not self._again:
                plan = next(self._plans, None)
                if plan is None:
                    self._over = True
                    return
                self._again.append(_Sent(plan, ProgressCounter(self._progress)))
            sent = self._again.popleft()
            self._sent[self._cluster.send(pickle.dumps(sent.plan, pickle.HIGHEST_PROTOCOL))] = sent

    def _outcome(self, sent: _Sent[P], answer: "Answer | None") -> Outcome[P, Any] | None:
        """The outcome of a plan that a node is done with; None where it is to be done again."""
        if answer is not None:
            sent.counter.update(answer.finished)
            return Outcome(sent.plan, answer.value, answer.error)
        sent.lost += 1
        if sent.lost > _MOST_LOST:
            return Outcome(sent.plan, None, WorkerError(f"a part of a stage was lost with its node {sent.lost} times"))
        self._cluster.restore()
        self._again.append(sent)
        return None


def run_on_cluster(
    connect: Callable[[bytes], Cluster],
    function: Function[P, R],
    plans: Iterable[P],
    progress: Callable[[int], None] | None,
) -> Iterator[Outcome[P, R]]:
    """Runs the function over the plans: see `Runner.run`.

    Args:
        connect: gives the cluster for this run, which is sent the pickled function; called when there is a plan.
        function: to run over the plans.
        plans: consumed lazily.
        progress: called with the number of newly finished items.
    """
    waiting = iter(plans)
    first = next(waiting, None)
    if first is None:
        return
    cluster = connect(pickle.dumps(function, pickle.HIGHEST_PROTOCOL))
    flight: _Flight[P] = _Flight(cluster, chain([first], waiting), progress)
    try:
        yield from flight.outcomes()
    finally:
        cluster.leave()
