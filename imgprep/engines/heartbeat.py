"""The heartbeat that a worker process shares with its supervisor: a few integers in shared memory, and a kernel timer.

Announcing an item costs well under a microsecond, because the timer is not set for each: it is set to a little more
than the deadline, and again once that little has passed.
"""

import mmap
import os
import signal
import sys
import tempfile
from time import monotonic
from typing import Final, Protocol

from imgprep.engines.base import NOTHING, Abandoned, ItemCounter

SERIAL: Final = 0
ITEM: Final = 1
FINISHED: Final = 2
SLOTS: Final = 3


class Slots(Protocol):
    """64-bit integers in shared memory: the serial number of the attempt, the current item, the finished items."""

    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...


def slack(item_timeout: float) -> float:
    """The number of seconds that a deadline may be late."""
    return max(0.05, item_timeout / 10)


class SharedHeartbeat(ItemCounter):
    """Counts in shared memory and lets the kernel kill this process when an item takes too long.

    The signal is left to its default action: it needs no Python code to run, so it also ends a decoder that hangs in C
    with the interpreter lock held. An item gets between 1.0 and 1.1 times its timeout (at least 0.05 s more).

    Args:
        slots: see `Slots`.
        item_timeout: seconds.
        parent: process id; when it is no longer the parent, the worker is an orphan and ends.
    """

    __slots__ = ("_deadline", "_next", "_parent", "_slack", "_slots", "_stop")

    def __init__(self, slots: Slots, item_timeout: float, parent: int) -> None:
        self._slots = slots
        self._slack = slack(item_timeout)
        self._deadline = item_timeout + self._slack
        self._parent = parent
        self._next = 0.0
        self._stop = sys.maxsize
        super().__init__()

    def start(self, serial: int, stop: int | None = None) -> None:
        """A new try begins; from now on a death is its fault.

        Args:
            serial: the number of the try.
            stop: the item before which it is stopped, or when it is done; None to let it come to its end.
        """
        self.begin()
        self._stop = sys.maxsize if stop is None else stop
        self._slots[SERIAL] = serial

    def begin(self) -> None:
        """Starts a plan, or the same plan once more."""
        super().begin()
        self._slots[ITEM] = NOTHING
        self._slots[FINISHED] = 0

    def at(self, item: int) -> None:
        """Finishes the current item, starts the next and its deadline.

        Raises:
            Abandoned: this is as far as the try goes.
        """
        if item >= self._stop:
            self.done()
        if self.item >= 0:
            self.finished += 1
            self._slots[FINISHED] = self.finished
        self.item = self._slots[ITEM] = item
        now = monotonic()
        if now >= self._next:
            self._arm(now)

    def done(self) -> None:
        """Finishes the current item; no deadline from here on.

        Raises:
            Abandoned: this is as far as the try goes.
        """
        self.release()
        if self._stop != sys.maxsize:
            raise Abandoned

    def release(self) -> None:
        """Finishes the current item and takes its deadline back."""
        if self._next:
            _set_timer(0.0)
            self._next = 0.0
        super().release()
        self._slots[FINISHED] = self.finished
        self._slots[ITEM] = NOTHING

    def _arm(self, now: float) -> None:
        self._next = now + self._slack
        _set_timer(self._deadline)
        if os.getppid() != self._parent:
            os._exit(1)


def slot_file() -> int:
    """Makes an anonymous file that holds the slots; the descriptor can be handed to another process."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("imgprep-heartbeat")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, mmap.PAGESIZE)
    return descriptor


def map_slots(descriptor: int) -> "memoryview[int]":
    """Maps the slots of the file; the memory is given back with the last reference."""
    return memoryview(mmap.mmap(descriptor, mmap.PAGESIZE)).cast("q")


def has_timer() -> bool:
    """True if the kernel ends a late worker by itself; where it does not, the supervisor does so a little later."""
    return hasattr(signal, "setitimer")


def _set_timer(seconds: float) -> None:
    if has_timer():
        signal.setitimer(signal.ITIMER_REAL, seconds)
