"""The supervisor of the worker processes: hands out plans, collects values, finds out what a worker died of."""

import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from time import monotonic
from typing import Any, Final, Generic

from imgprep.engines.base import (
    NOTHING,
    TICK,
    FunctionError,
    Outcome,
    P,
    R,
    Settings,
    Tally,
    as_failure,
    describe,
)
from imgprep.engines.channel import Mailbox
from imgprep.engines.cursor import FINISHED, ITEM, SERIAL, Slots, slack
from imgprep.engines.launch import Launcher
from imgprep.engines.nursery import Exit
from imgprep.engines.worker import SERIAL as SERIAL_FORMAT
from imgprep.errors import ResourceError

_DEATHS: Final = 2
_BACKUP: Final = 1.0
_ALARM: Final = -getattr(signal, "SIGALRM", 0)


@dataclass(slots=True)
class _Task(Generic[P]):
    """A plan on its way.

    Attributes:
        given: as it was submitted.
        plan: without the items that killed a worker.
        serial: the number of this try.
        deaths: how many workers died of it with no item in hand.
    """

    given: P
    plan: P
    tally: Tally
    serial: int = 0
    deaths: int = 0


@dataclass(slots=True, eq=False)
class _Worker(Generic[P]):
    """A live worker.

    Attributes:
        tasks: the one it is at, then what is sent ahead.
        seen: the last reading of its slots that differed from the one before, and since when.
    """

    number: int
    mailbox: Mailbox
    slots: Slots
    tasks: deque[_Task[P]] = field(default_factory=deque)
    seen: tuple[int, int, int] = (0, NOTHING, 0)
    since: float = 0.0
    expired: bool = False

    def read(self) -> tuple[int, int, int]:
        """Serial number of the try, item, finished items."""
        return self.slots[SERIAL], self.slots[ITEM], self.slots[FINISHED]


class Supervisor(Generic[P, R]):
    """Runs plans in workers that a launcher starts.

    Args:
        settings: how many workers, and what they may.
        workers: starts them; the function is already loaded.
        plans: taken in as they are needed.
        progress: is told of newly finished items.
    """

    def __init__(
        self, settings: Settings, workers: Launcher, plans: Iterator[P], progress: Callable[[int], None] | None
    ) -> None:
        self._settings = settings
        self._launcher = workers
        self._plans = plans
        self._progress = progress
        self._waiting: deque[_Task[P]] = deque()
        self._workers: list[_Worker[P]] = []
        self._selector = DefaultSelector()
        self._serials = count(1)
        self._numbers = count(1)
        self._failed: deque[Outcome[P, R]] = deque()

    def outcomes(self) -> Iterator[Outcome[P, R]]:
        """Runs everything."""
        while True:
            self._assign()
            yield from self._failures()
            if not any(worker.tasks for worker in self._workers) and not self._available(0):
                return
            for key, events in self._selector.select(TICK):
                worker = key.data
                if events & EVENT_WRITE:
                    worker.mailbox.flush()
                    self._watch(worker)
                if events & EVENT_READ:
                    yield from self._collect(worker)
            self._look()

    def dismiss(self) -> None:
        """Lets the workers end."""
        for worker in self._workers:
            worker.mailbox.finish()
        for worker in self._workers:
            self._launcher.wait(worker.number)

    def close(self) -> None:
        """Gives the sockets back."""
        for worker in self._workers:
            worker.mailbox.close()
        self._workers.clear()
        self._selector.close()

    def _failures(self) -> Iterator[Outcome[P, R]]:
        while self._failed:
            yield self._failed.popleft()

    def _available(self, reserve: int) -> bool:
        """Whether more plans than the reserve wait; takes in as many as that needs."""
        while len(self._waiting) <= reserve:
            try:
                plan = next(self._plans)
            except StopIteration:
                return False
            self._waiting.append(_Task(plan, plan, Tally(self._progress)))
        return True

    def _assign(self) -> None:
        """Gives work to whoever has none, then one plan ahead to each.

        Plans are sent ahead only while enough of them wait for every worker: near the end, a plan must not be stuck
        behind a slow one while another worker has nothing to do.
        """
        size = self._settings.workers
        for worker in self._workers:
            while not worker.tasks and not worker.mailbox.ended and self._available(0):
                self._give(worker)
        while len(self._workers) < size and self._available(0):
            self._hire()
        for worker in self._workers:
            while len(worker.tasks) == 1 and not worker.mailbox.ended and self._available(size):
                self._give(worker)

    def _hire(self) -> None:
        number = next(self._numbers)
        connection, slots = self._launcher.start(number)
        worker: _Worker[P] = _Worker(number, Mailbox(connection), slots)
        self._workers.append(worker)
        self._selector.register(connection, EVENT_READ, worker)
        self._give(worker)

    def _give(self, worker: _Worker[P]) -> None:
        task = self._waiting.popleft()
        task.serial = next(self._serials)
        try:
            plan = pickle.dumps(task.plan, pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001  pickling calls the plan's own code
            self._failed.append(Outcome(task.given, None, as_failure(error)))
            return
        worker.tasks.append(task)
        worker.mailbox.send(SERIAL_FORMAT.pack(task.serial), plan)
        self._watch(worker)

    def _watch(self, worker: _Worker[P]) -> None:
        events = EVENT_READ | EVENT_WRITE if worker.mailbox.sending else EVENT_READ
        self._selector.modify(worker.mailbox.socket, events, worker)

    def _collect(self, worker: _Worker[P]) -> Iterator[Outcome[P, R]]:
        """Takes what a worker sent, and its end."""
        for message in worker.mailbox.receive():
            task = worker.tasks.popleft()
            finished, value, error = _loads(message)
            task.tally.update(finished)
            # Before the consumer gets the outcome, for it may take its time.
            self._assign()
            yield Outcome(task.given, value, error)
        if worker.mailbox.ended:
            self._bury(worker)

    def _bury(self, worker: _Worker[P]) -> None:
        """Finds out what a worker died of; its plans go back to the front."""
        self._workers.remove(worker)
        self._selector.unregister(worker.mailbox.socket)
        worker.mailbox.close()
        end = self._launcher.wait(worker.number)
        if end.trouble:
            raise ResourceError(f"cannot start a worker: {end.trouble}; use fewer workers (--workers)")
        if not worker.tasks:
            return
        task = worker.tasks[0]
        serial, item, finished = worker.read()
        if serial == task.serial:
            task.tally.update(finished)
        if serial == task.serial and item >= 0:
            task.plan = task.plan.excluding(item, self._reason(end, worker.expired))
        else:
            task.deaths += 1
            if task.deaths > _DEATHS:
                message = (
                    f"a worker died {task.deaths} times with no image in hand, {_cause(end)}; "
                    "if memory was short, use fewer workers (--workers)"
                )
                self._failed.append(Outcome(task.given, None, ResourceError(message)))
                worker.tasks.popleft()
        self._waiting.extendleft(reversed(worker.tasks))

    def _reason(self, end: Exit, expired: bool) -> str:
        if expired or end.code == _ALARM < 0:
            return f"took longer than {self._settings.item_timeout:g} s"
        return f"decoder died, {_cause(end)}"

    def _look(self) -> None:
        """Reads every cursor: for the progress, and for a deadline that the kernel's timer did not enforce."""
        now = monotonic()
        patience = self._settings.item_timeout + slack(self._settings.item_timeout) + (_BACKUP if _ALARM else 0)
        for worker in self._workers:
            reading = serial, item, finished = worker.read()
            if worker.tasks and serial == worker.tasks[0].serial == worker.slots[SERIAL]:
                worker.tasks[0].tally.update(finished)
            if reading != worker.seen or item < 0:
                worker.seen, worker.since = reading, now
            elif now - worker.since > patience and not worker.expired:
                worker.expired = True
                self._launcher.kill(worker.number)


def _cause(end: Exit) -> str:
    return f"signal {-end.code}" if end.code < 0 else f"exit status {end.code}"


def _loads(message: bytearray) -> tuple[int, Any, Exception | None]:
    """Finished items, value, error."""
    try:
        return pickle.loads(message)  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001  a value's own code runs here
        return 0, None, as_failure(FunctionError(f"the value cannot be unpickled: {describe(error)}"))
