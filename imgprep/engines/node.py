"""The part of a cluster's engine that runs on its nodes: one plan at a time, in a supervised process."""

import pickle
import platform
from collections.abc import Callable, Iterable
from threading import Condition, Lock
from typing import Any, Final, NamedTuple

from imgprep.engines.processes import Processes
from imgprep.errors import ResourceError, one_line
from imgprep.util.versions import versions

_PERIOD: Final = 0.5
_PATIENCE: Final = 5.0
"""Seconds to wait for another item to be finished."""


class Answer(NamedTuple):
    """The result of a plan on a node: the number of items it finished, and the value or the error."""

    finished: int
    value: Any
    error: Exception | None


def run_supervised(engine: Processes, function: bytes, plan: bytes, told: Callable[[int], None]) -> bytes:
    """Runs a function over one plan.

    Args:
        engine: whose process runs it.
        function: pickled.
        plan: pickled.
        told: called with the number of finished items, about ten times a second.

    Returns:
        A pickled `Answer`.
    """
    finished = 0

    def count(items: int) -> None:
        nonlocal finished
        finished += items
        told(finished)

    (outcome,) = engine.run(pickle.loads(function), [pickle.loads(plan)], count)
    return pickle.dumps(Answer(finished, outcome.value, outcome.error), pickle.HIGHEST_PROTOCOL)


def node_versions() -> dict[str, Any]:
    """The versions that the bytes of a stage depend on, of the process that is asked."""
    return dict(versions())


def check_versions(found: Iterable[tuple[str, Any]]) -> None:
    """Refuses nodes whose shards would differ.

    Args:
        found: the name of each node, and its `node_versions` or why there are none.

    Raises:
        ResourceError: imgprep is missing on a node, or it has other versions of what the bytes depend on.
    """
    here = node_versions()
    for node, there in found:
        if not isinstance(there, dict):
            raise ResourceError(f"{node}: imgprep cannot be used there: {one_line(there)}; install it on every node")
        other = [
            f"{name} {there.get(name)} there and {value} here"
            for name, value in here.items()
            if there.get(name) != value
        ]
        if other:
            raise ResourceError(f"{node}: would make other bytes: {'; '.join(other)}; give all nodes the same")


class Worker:
    """Runs plans one at a time, where a cluster keeps an object on a node; other threads may ask how far a plan is.

    Args:
        item_timeout: see `Settings`.
        memory_limit: see `Settings`.
    """

    def __init__(self, item_timeout: float, memory_limit: int) -> None:
        self._engine = Processes(1, item_timeout, memory_limit)
        self._turn = Lock()
        self._moved = Condition()
        self._finished: dict[str, int] = {}

    def about(self) -> tuple[str, dict[str, Any]]:
        """The name of the machine, and its `node_versions`."""
        return platform.node(), node_versions()

    def run(self, function: bytes, plan: bytes, key: str) -> bytes:
        """Runs a plan that is known by a key: see `run_supervised`."""
        try:
            self._tell(key, 0)
            with self._turn:
                return run_supervised(self._engine, function, plan, lambda finished: self._tell(key, finished))
        finally:
            with self._moved:
                del self._finished[key]
                self._moved.notify_all()

    def finished(self, key: str, known: int) -> int:
        """The number of finished items of a plan, twice a second at most; where it is the known one, after a while."""
        with self._moved:
            if known:
                self._moved.wait_for(lambda: key not in self._finished, _PERIOD)
            self._moved.wait_for(lambda: self._finished.get(key) != known, _PATIENCE)
            return self._finished.get(key, known)

    def _tell(self, key: str, finished: int) -> None:
        with self._moved:
            self._finished[key] = finished
            self._moved.notify_all()
