"""Fork servers that outlive the engine that started them, so that not every test waits for one to import OpenCV."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pytest

from imgprep.engines.launch import ForkServer, Launchers, Spawner, can_fork

try:
    import resource
except ImportError:  # Windows forks nothing
    resource = None  # type: ignore[assignment]

KEPT: Final = 3
CHANGES: Final = ("PYTEST_CURRENT_TEST",)
"""Environment variables that no worker looks at."""
OWN: Final = {name: getattr(Launchers, name) for name in ("prepare", "take", "give_back")}
Surroundings = frozenset[tuple[str, object]]


def surroundings() -> Surroundings:
    """What processes that are started now inherit."""
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    return frozenset((limits | dict(os.environ) | dict.fromkeys(CHANGES)).items())


class Pool:
    """Idle fork servers, each with the variables and limits that it was started with: workers inherit them.

    Anything else that a run needs, its function, folder and import path, it sends to the server itself.
    """

    def __init__(self) -> None:
        self._idle: list[tuple[Surroundings, ForkServer]] = []

    def take(self) -> ForkServer:
        """One that was started in surroundings like these."""
        wanted = surroundings()
        for entry in [entry for entry in self._idle if entry[0] == wanted]:
            self._idle.remove(entry)
            if entry[1].usable():
                return entry[1]
        server = ForkServer()
        server.surroundings = wanted  # type: ignore[attr-defined]
        return server

    def give_back(self, server: ForkServer) -> None:
        """Keeps it for the next engine, and lets the one go that was idle longest."""
        self._idle.append((server.surroundings, server))  # type: ignore[attr-defined]
        self.shrink(KEPT)

    def shrink(self, number: int) -> None:
        """Ends all but so many."""
        while len(self._idle) > number:
            _, server = self._idle.pop(0)
            if server.usable():
                server.close()


@contextmanager
def shared() -> Iterator[None]:
    """Meanwhile engines take their fork servers from one pool."""
    pool = Pool()

    def prepare(_: Launchers, __: Sequence[str] = ()) -> None:
        if can_fork():
            pool.give_back(pool.take())

    def take(_: Launchers) -> Any:
        return pool.take() if can_fork() else Spawner()

    def give_back(_: Launchers, launcher: Any) -> None:
        if launcher.release() and isinstance(launcher, ForkServer):
            pool.give_back(launcher)

    try:
        with pytest.MonkeyPatch.context() as patch:
            for replacement in (prepare, take, give_back):
                patch.setattr(Launchers, replacement.__name__, replacement)
            yield
    finally:
        pool.shrink(0)


def own(patch: pytest.MonkeyPatch) -> None:
    """Lets engines start and keep their own after all."""
    for name, method in OWN.items():
        patch.setattr(Launchers, name, method)
