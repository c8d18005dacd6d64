"""The supervisor alone, with workers that do nothing."""

import signal
import socket
import threading
from typing import Any

import pytest
from engine_jobs import Solid, Work

from imgprep.engines import supervisor
from imgprep.engines.base import Settings
from imgprep.engines.cursor import ITEM, SERIAL, SLOTS
from imgprep.engines.launch import Line
from imgprep.engines.nursery import Exit
from imgprep.engines.supervisor import Supervisor


class Idle:
    """Starts workers that begin with nothing, and end after a while.

    Attributes:
        killed: the numbers of those that were killed.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.killed: list[int] = []

    def start(self, number: int) -> Line:
        ours, theirs = socket.socketpair()
        threading.Timer(self.seconds, theirs.close).start()
        return Line(ours, memoryview(bytearray(8 * SLOTS)).cast("q"))

    def kill(self, number: int) -> None:
        self.killed.append(number)

    def wait(self, number: int) -> Exit:
        return Exit(-9)


@pytest.mark.parametrize(("quiet", "killed"), [(600.0, 0), (0.1, 3)])
def test_a_worker_may_take_its_time_to_begin(monkeypatch: pytest.MonkeyPatch, quiet: float, killed: int) -> None:
    """However long the machine has been on."""
    monkeypatch.setattr(supervisor, "QUIET", quiet)
    monkeypatch.setattr(supervisor, "_BACKUP", 0.0)
    launcher = Idle(0.8)
    work = Supervisor(Settings(1, item_timeout=0.01), launcher, iter([Work("one")]), None)  # type: ignore[arg-type]
    (outcome,) = work.outcomes()
    work.close()
    assert "3 times with no image in hand" in str(outcome.error)
    assert len(set(launcher.killed)) == killed


class Frozen(Idle):
    """Starts workers that are late with item 2 while everything was stopped, the first time; then they die of it."""

    def start(self, number: int) -> Line:
        ours, theirs = socket.socketpair()
        self.theirs = theirs
        self.slots = memoryview(bytearray(8 * SLOTS)).cast("q")
        return Line(ours, self.slots)

    def wait(self, number: int) -> Exit:
        return Exit(-signal.SIGALRM)


class Clock:
    """A selector that sleeps as long as it is told, on a clock of its own, and lets the worker die meanwhile."""

    def __init__(self, inner: Any, launcher: Frozen, sleeps: list[float]) -> None:
        self.inner, self.launcher, self.sleeps = inner, launcher, sleeps
        self.now = 0.0
        self.slept = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def select(self, timeout: float) -> Any:
        self.now += self.sleeps[self.slept] if self.slept < len(self.sleeps) else 0.1
        self.slept += 1
        slots = self.launcher.slots
        slots[SERIAL], slots[ITEM] = self.slept, 2
        self.launcher.theirs.close()
        return self.inner.select(1.0)


@pytest.mark.parametrize(("sleeps", "workers"), [([], 2), ([50.0], 3), ([50.0, 50.0], 4), ([50.0] * 100, 10)])
def test_what_was_late_because_everything_was_stopped_is_not_the_items_fault(
    monkeypatch: pytest.MonkeyPatch, sleeps: list[float], workers: int
) -> None:
    launcher = Frozen(0)
    work = Supervisor(Settings(1, item_timeout=20.0), launcher, iter([Solid("one")]), None)  # type: ignore[arg-type]
    clock = Clock(work._selector, launcher, sleeps)
    work._selector = clock  # type: ignore[assignment]
    monkeypatch.setattr(supervisor, "monotonic", lambda: clock.now)
    (outcome,) = work.outcomes()
    work.close()
    assert "took longer than 20 s" in str(outcome.error)
    assert clock.slept == workers
