"""The supervisor alone, with workers that do nothing."""

import socket
import threading

import pytest
from engine_jobs import Work

from imgprep.engines import supervisor
from imgprep.engines.base import Settings
from imgprep.engines.cursor import SLOTS
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
