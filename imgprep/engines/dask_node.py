"""The part of the engine that runs on a node of a Dask cluster; imported only where Dask is installed."""

from time import monotonic
from typing import Any, Final

from distributed import WorkerPlugin, get_worker

from imgprep.engines.base import Abandoned, Settings
from imgprep.engines.node import run_supervised
from imgprep.engines.processes import Processes

_PERIOD: Final = 0.5
"""Seconds between two words of a node about a plan: they all pass through the scheduler."""


class NodeEngine(WorkerPlugin):  # type: ignore[misc, unused-ignore]
    """Starts on every node the engine whose processes run the plans; also on nodes that join later.

    Args:
        limits: of the process of a plan.
    """

    idempotent = True  # the next stage and the next run find it, with the process that workers are forked from

    def __init__(self, limits: Settings) -> None:
        self.name = f"imgprep-{limits.item_timeout}-{limits.memory_limit}"
        self._limits = limits
        self.engine: Processes

    def setup(self, worker: Any) -> None:
        """Makes the engine when a node begins with it."""
        del worker
        self.engine = Processes(1, self._limits.item_timeout, self._limits.memory_limit)

    def teardown(self, worker: Any) -> None:
        """Ends its fork server."""
        del worker
        self.engine.close()


def run_on_node(function: bytes, plan: bytes, engine: str, topic: str) -> bytes:
    """Runs a function over one plan in a supervised process of this node.

    Args:
        function: pickled.
        plan: pickled.
        engine: the name of the plug-in that has it.
        topic: where to say how far it is.

    Returns:
        A pickled `Answer`.
    """
    worker: Any = get_worker()
    key = worker.get_current_task()
    said = 0.0

    def tell(finished: int) -> None:
        nonlocal said
        if monotonic() - said > _PERIOD:
            said = monotonic()
            worker.log_event(topic, (key, finished))
            if not _is_wanted(worker, key):
                raise Abandoned

    return run_supervised(worker.plugins[engine].engine, function, plan, tell)


def _is_wanted(worker: Any, key: Any) -> bool:
    """Whether the client still waits for the task."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"
