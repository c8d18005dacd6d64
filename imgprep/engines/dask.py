"""Plans on a Dask cluster, each in a supervised process of the node that does it.

Dask itself is imported when there is something to do.
"""

import pickle
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import sleep
from typing import Any, Final
from uuid import uuid4

from imgprep.engines.base import Function, FunctionError, Outcome, P, R, Settings, describe
from imgprep.engines.dask_client import Session, distributed
from imgprep.engines.flight import News, run_on_cluster
from imgprep.engines.node import Answer
from imgprep.util.lazy_table import imported

_AHEAD: Final = 2
"""Plans in flight for each thread of the cluster: one in work, one on its way."""
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

        def connect(pickled: bytes) -> _Nodes:
            limits = Settings(1, self.item_timeout, self.memory_limit)
            return _Nodes(self._session.client(self.address, self.workers), pickled, limits)

        return run_on_cluster(connect, function, plans, progress)

    def close(self) -> None:
        """See `Engine.close`."""
        self._session.close()


class _Nodes:
    """The workers of a cluster, for one run: see `flight.Cluster`.

    Args:
        client: of the cluster.
        function: to run over the plans, pickled.
        limits: of the process of a plan.
    """

    def __init__(self, client: Any, function: bytes, limits: Settings) -> None:
        self._client = client
        self._function = function
        self._done = distributed().as_completed(loop=client.loop)
        self._futures: dict[Hashable, Any] = {}
        self._told: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._topic = f"imgprep-{uuid4().hex}"
        client.subscribe_topic(self._topic, lambda event: self._told.put(event[1]))
        self._node = imported(f"{_NODE}:run_on_node")
        plugin = imported(f"{_NODE}:NodeEngine")(limits)
        self._engine = plugin.name
        client.register_plugin(plugin)
        self.restore()

    def room(self) -> int:
        """See `Cluster.room`."""
        threads: int = sum(self._client.nthreads().values())
        return _AHEAD * max(1, threads)

    def send(self, plan: bytes) -> Hashable:
        """See `Cluster.send`."""
        future = self._client.submit(self._node, self._shared, plan, self._engine, self._topic, pure=False)
        self._futures[future.key] = future
        self._done.add(future)
        key: Hashable = future.key
        return key

    def news(self) -> Iterator[News]:
        """See `Cluster.news`."""
        if not self._done.has_ready():
            sleep(_MOMENT)
        while not self._told.empty():
            yield self._told.get()
        while self._done.has_ready():
            future = self._futures.pop(next(self._done).key)
            yield future.key, _answer(future)

    def restore(self) -> None:
        """Sends the function to every node once; a node that joins later asks another one for it."""
        self._shared = self._client.scatter(self._function, broadcast=True, hash=False)

    def leave(self) -> None:
        """See `Cluster.leave`; nodes that run a cancelled plan stop within a moment."""
        self._client.unsubscribe_topic(self._topic)
        if self._futures:
            self._client.cancel([*self._futures.values()], force=True)


def _answer(future: Any) -> Answer | None:
    """The answer of a node; None where the node, or what was shared with it, was lost."""
    if future.status == "finished":
        return Answer(*pickle.loads(future.result()))
    error = future.exception() if future.status == "error" else None
    if error is None or type(error).__name__ in _LOST:
        return None
    return Answer(0, None, FunctionError(f"on the cluster: {describe(error)}"))
