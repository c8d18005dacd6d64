"""The supervisor of the worker processes: hands out plans, collects values, finds out what a worker died of."""

import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector, SelectorKey
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
    WorkerError,
    as_failure,
    describe,
)
from imgprep.engines.channel import Mailbox
from imgprep.engines.cursor import FINISHED, ITEM, SERIAL, Slots, slack
from imgprep.engines.launch import Launcher
from imgprep.engines.nursery import Exit
from imgprep.engines.tasks import Errand, Task
from imgprep.engines.worker import HEAD, TO_THE_END
from imgprep.errors import ResourceError

_DEATHS: Final = 2
_BACKUP: Final = 1.0
QUIET: Final = 600.0
"""Seconds that a worker may go without a sign of life while it has no image in hand, writing a large shard perhaps."""
_ALARM: Final = -getattr(signal, "SIGALRM", 0)
_PAUSE: Final = 1.0
"""Seconds that the supervisor must wait in vain to know that it was stopped: it asks to be woken ten times a second."""
_MOST_PAUSES: Final = 8
"""How often being stopped excuses the items of one plan."""


@dataclass(slots=True, eq=False)
class _Worker(Generic[P]):
    """A live worker.

    Attributes:
        errands: the one it is on, then what is sent ahead.
        seen: the last reading of its slots that differed from the one before, and since when.
        stopped: the reading of its slots when the supervisor, and so probably the worker, was stopped for a while.
    """

    number: int
    mailbox: Mailbox
    slots: Slots
    errands: deque[Errand[P]] = field(default_factory=deque)
    seen: tuple[int, int, int] = (0, NOTHING, 0)
    since: float = field(default_factory=monotonic)
    stopped: tuple[int, int, int] | None = None
    expired: bool = False

    @property
    def ready(self) -> bool:
        """Whether it may be sent a plan ahead."""
        return len(self.errands) == 1 and not self.errands[0].alone

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
        self._waiting: deque[Errand[P]] = deque()
        self._alone: deque[Errand[P]] = deque()
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
            if not any(worker.errands for worker in self._workers) and not self._available(0):
                return
            for key, events in self._select():
                worker = key.data
                if events & EVENT_WRITE:
                    worker.mailbox.flush()
                    self._watch(worker)
                if events & EVENT_READ:
                    yield from self._collect(worker)
            self._look()

    def _select(self) -> list[tuple[SelectorKey, int]]:
        """Waits a little for a worker to say something, and notices when this took far longer than it was to.

        Then all processes were stopped: a container that was paused, a laptop that was closed. Timers went on.
        """
        before = monotonic()
        ready = self._selector.select(TICK)
        now = monotonic()
        if now - before > TICK + _PAUSE:
            for worker in self._workers:
                worker.stopped, worker.since = worker.read(), now
        return ready

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
            self._waiting.append(Errand(Task(plan, Tally(self._progress))))
        return True

    def _assign(self) -> None:
        """Gives work to whoever has none, then one plan ahead to each.

        What is to be tried alone comes first, and gets a new worker: one has just died of it.
        Plans are sent ahead only while enough of them wait for every worker: near the end, a plan must not be stuck
        behind a slow one while another worker has nothing to do.
        """
        size = self._settings.workers
        while self._alone and len(self._workers) < size:
            self._give(self._hire(), self._alone.popleft())
        for worker in self._workers:
            while not worker.errands and not worker.mailbox.ended and (self._alone or self._available(0)):
                self._give(worker, (self._alone or self._waiting).popleft())
        while len(self._workers) < size and self._available(0):
            self._give(self._hire(), self._waiting.popleft())
        for worker in self._workers:
            while worker.ready and not worker.mailbox.ended and self._available(size):
                self._give(worker, self._waiting.popleft())

    def _queue(self, errands: Sequence[Errand[P]]) -> None:
        """Puts errands in front of all that wait."""
        self._alone += (errand for errand in errands if errand.alone)
        self._waiting.extendleft(errand for errand in reversed(errands) if not errand.alone)

    def _hire(self) -> _Worker[P]:
        number = next(self._numbers)
        connection, slots = self._launcher.start(number)
        worker: _Worker[P] = _Worker(number, Mailbox(connection), slots)
        self._workers.append(worker)
        self._selector.register(connection, EVENT_READ, worker)
        return worker

    def _give(self, worker: _Worker[P], errand: Errand[P]) -> None:
        errand.serial = next(self._serials)
        try:
            plan = pickle.dumps(errand.plan(), pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001  pickling calls the plan's own code
            self._fail(errand.task, as_failure(error))
            return
        worker.errands.append(errand)
        worker.mailbox.send(HEAD.pack(errand.serial, TO_THE_END if errand.stop is None else errand.stop), plan)
        self._watch(worker)

    def _watch(self, worker: _Worker[P]) -> None:
        events = EVENT_READ | EVENT_WRITE if worker.mailbox.sending else EVENT_READ
        self._selector.modify(worker.mailbox.socket, events, worker)

    def _collect(self, worker: _Worker[P]) -> Iterator[Outcome[P, R]]:
        """Takes what a worker sent, and its end."""
        for message in worker.mailbox.receive():
            errand = worker.errands.popleft()
            finished, value, error = _loads(message)
            if errand.stop is not None:
                self._queue(errand.succeeded())
                continue
            errand.task.tally.update(finished)
            # Before the consumer gets the outcome, for it may take its time.
            self._assign()
            yield Outcome(errand.task.given, value, error)
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
        if not worker.errands:
            return
        errand = worker.errands.popleft()
        self._queue(worker.errands)
        if not errand.task.over:
            self._queue(self._after(errand, worker, end))

    def _after(self, errand: Errand[P], worker: _Worker[P], end: Exit) -> list[Errand[P]]:
        """What is to be done after a worker died on an errand; nothing when its plan has failed."""
        task = errand.task
        serial, item, finished = worker.read()
        late = worker.expired or end.code == _ALARM < 0
        if serial != errand.serial or item < 0:
            task.deaths += 1
            if task.deaths <= _DEATHS:
                return [errand.again()]
            verb = "stalled or died" if late else "died"
            self._fail(task, _repeated(f"{verb} {task.deaths} times with no image in hand, {_cause(end)}"))
            return []
        if errand.stop is None:
            task.tally.update(finished)
        if late and worker.stopped == worker.read() and task.pauses < _MOST_PAUSES:
            task.pauses += 1
            return [errand.again()]
        reason = self._reason(end, late=late)
        if item not in task.excluded:
            following = errand.died(item, reason, self._settings.workers)
            if not task.stubborn:
                return following
        self._fail(task, _repeated(f"could not do a part of a shard that cannot be left out: {reason}"))
        return []

    def _fail(self, task: Task[P], error: Exception) -> None:
        task.over = True
        self._failed.append(Outcome(task.given, None, error))

    def _reason(self, end: Exit, *, late: bool) -> str:
        if late:
            return f"took longer than {self._settings.item_timeout:g} s"
        return f"decoder died, {_cause(end)}"

    def _look(self) -> None:
        """Reads every cursor: for the progress, and for a deadline that the kernel's timer did not enforce."""
        now = monotonic()
        patience = self._settings.item_timeout + slack(self._settings.item_timeout) + (_BACKUP if _ALARM else 0)
        for worker in self._workers:
            reading = serial, item, finished = worker.read()
            errand = worker.errands[0] if worker.errands else None
            if errand is None or reading != worker.seen:
                worker.seen, worker.since = reading, now
            if errand is None:
                continue
            begun = serial == errand.serial == worker.slots[SERIAL]
            if begun and errand.stop is None:
                errand.task.tally.update(finished)
            allowed = patience if begun and item >= 0 else max(patience, QUIET)
            if now - worker.since > allowed and not worker.expired:
                worker.expired = True
                self._launcher.kill(worker.number)


def _repeated(what: str) -> WorkerError:
    return WorkerError(f"a worker {what}; if memory was short, use fewer workers (--workers)")


def _cause(end: Exit) -> str:
    return f"signal {-end.code}" if end.code < 0 else f"exit status {end.code}"


def _loads(message: bytearray) -> tuple[int, Any, Exception | None]:
    """Finished items, value, error."""
    try:
        return pickle.loads(message)  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001  a value's own code runs here
        return 0, None, as_failure(FunctionError(f"the value cannot be unpickled: {describe(error)}"))
