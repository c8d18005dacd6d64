"""Plans on a Dask cluster, each in a supervised process of the node that does it.

A plan is small: rows of metadata. Nodes read the source and write the output themselves, so both must be at the same
paths on all of them. Dask itself is imported when there is something to do.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import sleep
from typing import TYPE_CHECKING, Any, Final, Generic
from uuid import uuid4

from imgprep.engines.base import (
    Function,
    FunctionError,
    Outcome,
    P,
    ProgressCounter,
    R,
    Settings,
    WorkerError,
    describe,
)
from imgprep.engines.dask_client import Session, distributed
from imgprep.util.lazy_table import imported

if TYPE_CHECKING:
    from imgprep.engines.dask_node import Answer

_AHEAD: Final = 2
"""Plans in flight for each thread of the cluster: one in work, one on its way."""
_MOST_LOST: Final = 5
"""Times that a plan is tried again because its node was lost."""
_LOST: Final = frozenset({"KilledWorker", "FutureCancelledError", "CommClosedError"})
_MOMENT: Final = 0.01
_NODE: Final = "imgprep.engines.dask_node"
"""The module that the nodes run; it imports Dask."""


@dataclass(frozen=True, slots=True)
class Dask(Settings):
    """Runs the plans on the workers of a Dask cluster; without an address, on those of one on this machine.

    Each plan runs in the kind of process that the engine `processes` has, so an image that kills its decoder costs that
    image and no node. A plan whose node is lost is done again elsewhere, up to five times.
    """

    _session: Session = field(default_factory=Session, init=False, repr=False, compare=False)

    def prepare(self) -> None:
        """Nothing: see `Engine.prepare`. The cluster is asked when there is a plan."""

    def run(
        self, function: Function[P, R], plans: Iterable[P], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[P, R]]:
        """See `Engine.run`; progress is called once a second for each plan.

        Raises:
            RequestError: Dask is not installed.
            ResourceError: the cluster cannot be reached, or its nodes have another imgprep or OpenCV.
        """
        waiting = iter(plans)
        first = next(waiting, None)
        if first is None:
            return
        limits = Settings(1, self.item_timeout, self.memory_limit)
        flight: _Flight[P] = _Flight(self._session.client(self.address, self.workers), function, limits, progress)
        try:
            yield from flight.outcomes(first, waiting)
        finally:
            flight.close()

    def close(self) -> None:
        """See `Engine.close`."""
        self._session.close()


@dataclass(slots=True)
class _Submitted(Generic[P]):
    """A plan on the cluster.

    Attributes:
        future: of Dask.
        plan: as it was given.
        counter: of its finished items.
        lost: how many nodes it was lost with.
    """

    future: Any
    plan: P
    counter: ProgressCounter
    lost: int


class _Flight(Generic[P]):
    """The plans of one run, of which a bounded number is on the cluster.

    Args:
        client: of the cluster.
        function: to run over the plans.
        limits: of the process of a plan.
        progress: called with the number of newly finished items.
    """

    def __init__(self, client: Any, function: Any, limits: Settings, progress: Callable[[int], None] | None) -> None:
        self._client = client
        self._function = pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
        self._progress = progress
        self._done = distributed().as_completed(loop=client.loop)
        self._submitted: dict[str, _Submitted[P]] = {}
        self._told: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._topic = f"imgprep-{uuid4().hex}"
        client.subscribe_topic(self._topic, lambda event: self._told.put(event[1]))
        self._node = imported(f"{_NODE}:run_on_node")
        plugin = imported(f"{_NODE}:NodeEngine")(limits)
        self._engine = plugin.name
        client.register_plugin(plugin)
        self._share()

    def outcomes(self, first: P, waiting: Iterator[P]) -> Iterator[Outcome[P, Any]]:
        """Yields the outcome of each plan, in order of completion."""
        self._submit(first, ProgressCounter(self._progress))
        self._fill(waiting)
        while self._submitted:
            if self._done.has_ready():
                outcome = self._outcome(self._submitted.pop(next(self._done).key))
                self._fill(waiting)
                if outcome is not None:
                    yield outcome
            else:
                self._listen()

    def close(self) -> None:
        """Cancels plans whose results are no longer needed; nodes that run one stop within a moment."""
        self._client.unsubscribe_topic(self._topic)
        if self._submitted:
            self._client.cancel([submitted.future for submitted in self._submitted.values()], force=True)

    def _fill(self, waiting: Iterator[P]) -> None:
        limit = _AHEAD * max(1, sum(self._client.nthreads().values()))
        while len(self._submitted) < limit and (plan := next(waiting, None)) is not None:
            self._submit(plan, ProgressCounter(self._progress))

    def _submit(self, plan: P, counter: ProgressCounter, lost: int = 0) -> None:
        content = pickle.dumps(plan, pickle.HIGHEST_PROTOCOL)
        future = self._client.submit(self._node, self._shared, content, self._engine, self._topic, pure=False)
        self._submitted[future.key] = _Submitted(future, plan, counter, lost)
        self._done.add(future)

    def _share(self) -> None:
        """Sends the function to every node once; a node that joins later asks another one for it."""
        self._shared = self._client.scatter(self._function, broadcast=True, hash=False)

    def _listen(self) -> None:
        """Waits a moment, and tells what the nodes have said of their plans."""
        sleep(_MOMENT)
        while not self._told.empty():
            key, finished = self._told.get()
            if key in self._submitted:
                self._submitted[key].counter.update(finished)

    def _outcome(self, submitted: _Submitted[P]) -> Outcome[P, Any] | None:
        """The outcome of a plan that a node is done with; None where it is to be done again."""
        answer = _answer(submitted.future)
        plan, lost = submitted.plan, submitted.lost + 1
        if answer is not None:
            submitted.counter.update(answer.finished)
            return Outcome(plan, answer.value, answer.error)
        if lost <= _MOST_LOST:
            self._share()
            self._submit(plan, submitted.counter, lost)
            return None
        return Outcome(plan, None, WorkerError(f"a part of a stage was lost with its node {lost} times"))


def _answer(future: Any) -> "Answer | None":
    """The answer of a node; None where the node, or what was shared with it, was lost."""
    answer: type[Answer] = imported(f"{_NODE}:Answer")
    if future.status == "finished":
        return answer(*pickle.loads(future.result()))
    error = future.exception() if future.status == "error" else None
    if error is None or type(error).__name__ in _LOST:
        return None
    return answer(0, None, FunctionError(f"on the cluster: {describe(error)}"))
