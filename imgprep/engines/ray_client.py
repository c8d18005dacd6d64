"""The connection to a Ray cluster, and the actors there; Ray is imported when it is made."""

import importlib
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import current_thread, main_thread
from types import MappingProxyType
from typing import Any, Final

from imgprep.engines.base import Settings
from imgprep.engines.node import Worker, check_versions
from imgprep.errors import RequestError, ResourceError, one_line

_OWN: Final = MappingProxyType({"include_dashboard": False, "object_store_memory": 128 << 20})
"""How a cluster of our own is: plans and answers are small."""
_FALSE_STARTS: Final = 3
"""Actors that may die before they begin, with their nodes perhaps."""
_THREADS: Final = 8
"""Of an actor: one runs a plan, the others tell how far it is."""


@dataclass(slots=True)
class Session:
    """A connection, made when it is first needed, and the actors that it has started. A process has one connection.

    Attributes:
        ray: the module.
        plans: actor -> how many plans it was sent and has not answered.
        coming: what an actor answers when it has started -> the actor.
    """

    ray: Any = None
    plans: dict[Any, int] = field(default_factory=dict)
    coming: dict[Any, Any] = field(default_factory=dict)
    _type: Any = None
    _connected: bool = False
    _runs: int = 0
    _false_starts: int = 0

    def connect(self, settings: Settings) -> None:
        """Begins a run, and connects unless this or the program that runs us has done so.

        Raises:
            RequestError: Ray is not installed.
            ResourceError: there is no cluster at the address.
        """
        try:
            self.ray = importlib.import_module("ray")
        except ImportError:
            raise RequestError("execution.engine: ray needs Ray: pip install 'imgprep[ray]'") from None
        if self._type is None:
            cls = self.ray.remote(num_cpus=1, max_concurrency=_THREADS)(Worker)
            self._type = lambda: cls.remote(settings.item_timeout, settings.memory_limit)
        if not self.ray.is_initialized():
            own = {} if settings.address else _OWN | {"num_cpus": settings.workers}
            where = settings.address or "a cluster of this machine"
            try:
                with _unchanged():
                    self.ray.init(settings.address or "local", log_to_driver=False, logging_level="ERROR", **own)
            except (OSError, ValueError, RuntimeError) as error:
                self.ray.shutdown()  # half a connection would be in the way of the next
                problem = f"execution.address: {where}: cannot be reached: {_last_line(error)}"
                raise ResourceError(f"{problem}; start it with `ray start --head`") from None
            self._connected = True
        self._runs += 1

    def grow(self) -> None:
        """Starts as many actors as there are, where none is idle and the cluster has the cores."""
        if self.coming or not all(self.plans.values()):
            return
        there = len(self.plans)
        cores = int(self.ray.cluster_resources().get("CPU", 0))
        for _ in range(min(cores - there, max(1, there))):
            actor = self._type()
            self.coming[actor.about.remote()] = actor

    def welcome(self, ref: Any) -> None:
        """Takes in an actor that has started; for one that could not, another is started later.

        Raises:
            ResourceError: actors die again and again before they begin, or one would make other bytes.
        """
        actor = self.coming.pop(ref)
        try:
            name, there = self.ray.get(ref)
        except self.ray.exceptions.RayError as error:
            self._false_starts += 1
            if self._false_starts > _FALSE_STARTS:
                check_versions([("a node of the cluster", error)])
            return
        check_versions([(name, there)])
        self._false_starts = 0
        self.plans[actor] = 0

    def dismiss(self, actor: Any) -> None:
        """Ends an actor, with what it has in work."""
        self.plans.pop(actor, None)
        self.ray.kill(actor)

    def leave(self) -> None:
        """Ends a run; after the last, the actors too, for others want their cores."""
        self._runs -= 1
        if not self._runs and self.ray.is_initialized():
            for actor in (*self.plans, *self.coming.values()):
                self.ray.kill(actor)
            self.plans.clear()
            self.coming.clear()

    def close(self) -> None:
        """Ends the connection, and the cluster where it is our own."""
        if self._connected:
            self.ray.shutdown()
            self._connected = False


def _last_line(error: Exception) -> str:
    """What went wrong: an error of the server is its whole traceback."""
    return one_line(str(error).rstrip().rpartition("\n")[2] or error)


@contextmanager
def _unchanged() -> Iterator[None]:
    """What Ray changes for the whole process stays as it is: how it ends by a signal, and what it prints as warnings.

    Ray reports its use to its makers unless it is told otherwise.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    before = signal.getsignal(signal.SIGTERM)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, before)
