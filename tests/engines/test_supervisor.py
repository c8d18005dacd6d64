"""The supervisor alone, with workers that do nothing."""

import signal
import threading
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import pytest

from imgprep.engines import supervisor
from imgprep.engines.base import Settings
from imgprep.engines.forkserver import Exit
from imgprep.engines.heartbeat import ITEM, SERIAL, SLOTS
from imgprep.engines.launch import WorkerHandle
from imgprep.engines.supervisor import Supervisor
from tests.support.engine_jobs import Solid, Work


class Idle:
    """Starts workers that begin with nothing, and end after a while, or when they are killed.

    Attributes:
        killed: the numbers of those that were killed.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.killed: list[int] = []
        self.ends: dict[int, Connection] = {}

    def start(self, number: int) -> WorkerHandle:
        ours, theirs = Pipe()
        self.ends[number] = theirs
        if self.seconds is not None:
            threading.Timer(self.seconds, theirs.close).start()
        return WorkerHandle(ours, memoryview(bytearray(8 * SLOTS)).cast("q"))

    def kill(self, number: int) -> None:
        self.killed.append(number)
        if number in self.ends:
            self.ends[number].close()

    def wait(self, number: int) -> Exit:
        return Exit(-9)


@pytest.mark.parametrize(("quiet", "seconds", "killed"), [(600.0, 0.1, 0), (0.05, None, 9)])
def test_a_worker_may_take_its_time_to_begin(
    monkeypatch: pytest.MonkeyPatch, quiet: float, seconds: float | None, killed: int
) -> None:
    """However long the machine has been on."""
    monkeypatch.setattr(supervisor, "QUIET", quiet)
    monkeypatch.setattr(supervisor, "_BACKUP", 0.0)
    monkeypatch.setattr(supervisor, "TICK", 0.01)
    launcher = Idle(seconds)
    work = Supervisor(Settings(1, item_timeout=0.01), launcher, iter([Work("one")]), None)  # type: ignore[arg-type]
    (outcome,) = work.outcomes()
    work.close()
    assert "9 times while it processed no image" in str(outcome.error)
    assert len(set(launcher.killed)) == killed


class Frozen(Idle):
    """Starts workers that are late with item 2 while everything was stopped, the first time; then they die of it."""

    def start(self, number: int) -> WorkerHandle:
        ours, theirs = Pipe()
        self.theirs = theirs
        self.slots = memoryview(bytearray(8 * SLOTS)).cast("q")
        return WorkerHandle(ours, self.slots)

    def wait(self, number: int) -> Exit:
        return Exit(-signal.SIGALRM)


class Clock:
    """A queue that is waited for as long as it is told, on a clock of its own; the worker dies meanwhile."""

    def __init__(self, launcher: Frozen, sleeps: list[float]) -> None:
        self.inner: SimpleQueue[Any] = SimpleQueue()
        self.launcher, self.sleeps = launcher, sleeps
        self.now = 0.0
        self.slept = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def get(self, timeout: float | None = None) -> Any:
        self.now += self.sleeps[self.slept] if self.slept < len(self.sleeps) else 0.1
        self.slept += 1
        slots = self.launcher.slots
        slots[SERIAL], slots[ITEM] = self.slept, 2
        self.launcher.theirs.close()
        return self.inner.get(timeout=10.0)


@pytest.mark.parametrize(("sleeps", "workers"), [([], 2), ([50.0], 3), ([50.0, 50.0], 4), ([50.0] * 100, 10)])
def test_what_was_late_because_everything_was_stopped_is_not_the_items_fault(
    monkeypatch: pytest.MonkeyPatch, sleeps: list[float], workers: int
) -> None:
    launcher = Frozen(0)
    work = Supervisor(Settings(1, item_timeout=20.0), launcher, iter([Solid("one")]), None)  # type: ignore[arg-type]
    clock = Clock(launcher, sleeps)
    work._inbox = clock  # type: ignore[assignment]
    monkeypatch.setattr(supervisor, "monotonic", lambda: clock.now)
    (outcome,) = work.outcomes()
    work.close()
    assert "took longer than 20 s" in str(outcome.error)
    assert clock.slept == workers
