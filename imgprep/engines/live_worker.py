"""A live worker as its supervisor sees it: what it was given, how far it is, and the messages to and from it."""

from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Generic, NamedTuple

from imgprep.engines.attempts import Attempt
from imgprep.engines.base import NOTHING, P
from imgprep.engines.heartbeat import FINISHED, ITEM, SERIAL
from imgprep.engines.launch import WorkerHandle
from imgprep.engines.worker import Order


class Reading(NamedTuple):
    """A reading of a worker's heartbeat: the number of the attempt, the current item, the finished items."""

    serial: int = 0
    item: int = NOTHING
    finished: int = 0


class LiveWorker(Generic[P]):
    """A live worker.

    The connection has two threads, one for each direction, so that the supervisor never waits for one worker alone,
    however long it takes to send or to take in a message.

    Args:
        number: by which the launcher knows it.
        handle: what the launcher gave.
        inbox: takes (worker, message), and (worker, None) when it has ended.

    Attributes:
        attempts: the one it is at, then what is sent ahead.
        seen: the last reading that differed from the one before, and since when.
        stopped: the reading when the supervisor, and so probably the worker, was stopped for a while.
        expired: it was killed because it was late.
    """

    def __init__(
        self, number: int, handle: WorkerHandle, inbox: "SimpleQueue[tuple[LiveWorker[P], bytes | None]]"
    ) -> None:
        self.number = number
        self.attempts: deque[Attempt[P]] = deque()
        self.seen, self.since = Reading(), monotonic()
        self.stopped: Reading | None = None
        self.expired = False
        self._slots = handle.slots
        self._inbox = inbox
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._connection = handle.connection
        self._threads = [
            Thread(target=_send, args=(handle.connection, self._orders), daemon=True),
            Thread(target=self._receive, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def ready(self) -> bool:
        """True if it may be sent a plan ahead."""
        return len(self.attempts) == 1 and not self.attempts[0].alone

    def read(self) -> Reading:
        """Reads its heartbeat."""
        return Reading(self._slots[SERIAL], self._slots[ITEM], self._slots[FINISHED])

    def has_begun(self, attempt: Attempt[P], reading: Reading) -> bool:
        """Returns whether a reading is of this attempt from its first to its last number."""
        return reading.serial == attempt.serial == self._slots[SERIAL]

    def send(self, order: Order) -> None:
        """Sends an order when those before it are sent."""
        self._orders.put(order)

    def dismiss(self) -> None:
        """Tells the worker to end when it has done what it was sent."""
        self._orders.put(None)

    def close(self) -> None:
        """Releases the connection; the worker has ended."""
        self._orders.put(None)
        for thread in self._threads:
            thread.join()
        self._connection.close()

    def _receive(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                self._inbox.put((self, self._connection.recv_bytes()))
        self._inbox.put((self, None))


def _send(connection: Connection, orders: "SimpleQueue[Order | None]") -> None:
    with suppress(OSError):  # the worker is dead: reading tells, and what it still wrote is read first
        while True:
            order = orders.get()
            connection.send(order)
            if order is None:
                return
