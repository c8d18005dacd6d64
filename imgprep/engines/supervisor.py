"""The supervisor of the worker processes: hands out plans, collects values, finds out what a worker died of."""

import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, Generic

from imgprep.engines.attempts import Attempt, Task
from imgprep.engines.base import (
    TICK,
    FunctionError,
    Outcome,
    P,
    ProgressCounter,
    R,
    Settings,
    WorkerError,
    as_failure,
    describe,
)
from imgprep.engines.forkserver import Exit
from imgprep.engines.heartbeat import has_timer, slack
from imgprep.engines.launch import Launcher
from imgprep.engines.live_worker import LiveWorker
from imgprep.engines.worker import Order
from imgprep.errors import ResourceError

_DEATHS: Final = 2
_FALSE_STARTS: Final = 8
"""Workers that may die before they begin with a plan, which can hardly be what they died of."""
_BACKUP: Final = 1.0
QUIET: Final = 600.0
"""Seconds that a worker may go without a sign of life while it processes no image, writing a large shard perhaps."""
_ALARM: Final = -getattr(signal, "SIGALRM", 0)
_PAUSE: Final = 1.0
"""Seconds that the supervisor must wait in vain to know that it was stopped: it asks to be woken ten times a second."""
_MOST_PAUSES: Final = 8
"""Number of times that a stopped worker is not blamed on the items of one plan."""

Message = tuple[LiveWorker[P], bytes | None]


class Supervisor(Generic[P, R]):
    """Runs plans in workers that a launcher starts.

    Args:
        settings: how many workers, and what they may.
        launcher: starts them; the function is already loaded.
        plans: taken in as they are needed.
        progress: called with the number of newly finished items.
    """

    def __init__(
        self, settings: Settings, launcher: Launcher, plans: Iterator[P], progress: Callable[[int], None] | None
    ) -> None:
        self._settings = settings
        self._launcher = launcher
        self._plans = plans
        self._progress = progress
        self._waiting: deque[Attempt[P]] = deque()
        self._alone: deque[Attempt[P]] = deque()
        self._workers: list[LiveWorker[P]] = []
        self._inbox: SimpleQueue[Message[P]] = SimpleQueue()
        self._serials = count(1)
        self._numbers = count(1)
        self._failed: deque[Outcome[P, R]] = deque()

    def outcomes(self) -> Iterator[Outcome[P, R]]:
        """Runs everything."""
        while True:
            self._assign()
            while self._failed:
                yield self._failed.popleft()
            if not any(worker.attempts for worker in self._workers) and not self._available(0):
                return
            for worker, message in self._messages():
                if message is None:
                    self._bury(worker)
                elif (outcome := self._outcome(worker, message)) is not None:
                    # Before the consumer gets the outcome, for it may take its time.
                    self._assign()
                    yield outcome
            self._look()

    def dismiss(self) -> None:
        """Lets the workers end."""
        for worker in self._workers:
            worker.dismiss()
        for worker in self._workers:
            self._launcher.wait(worker.number)

    def close(self) -> None:
        """Releases the connections; all workers have ended."""
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    def _messages(self) -> list[Message[P]]:
        """Waits a little for the workers to say something, and notices when this took far longer than it was to.

        Then all processes were stopped: a container that was paused, a laptop that was closed. Timers went on.
        """
        found: list[Message[P]] = []
        before = monotonic()
        try:
            found.append(self._inbox.get(timeout=TICK))
        except Empty:
            pass
        else:
            while not self._inbox.empty():
                found.append(self._inbox.get())
        now = monotonic()
        if now - before > TICK + _PAUSE:
            for worker in self._workers:
                worker.stopped, worker.since = worker.read(), now
        return found

    def _available(self, reserve: int) -> bool:
        """Returns whether more plans than the reserve wait; takes in as many as that needs."""
        while len(self._waiting) <= reserve:
            try:
                plan = next(self._plans)
            except StopIteration:
                return False
            self._waiting.append(Attempt(Task(plan, ProgressCounter(self._progress))))
        return True

    def _assign(self) -> None:
        """Assigns plans to idle workers, then one plan ahead to each.

        What is to be tried alone comes first, and gets a new worker: one has just died of it.
        Plans are sent ahead only while enough of them wait for every worker: near the end, a plan must not be stuck
        behind a slow one while another worker has nothing to do.
        """
        size = self._settings.workers
        while self._alone and len(self._workers) < size:
            self._give(self._hire(), self._alone.popleft())
        for worker in self._workers:
            while not worker.attempts and (self._alone or self._available(0)):
                self._give(worker, (self._alone or self._waiting).popleft())
        while len(self._workers) < size and self._available(0):
            self._give(self._hire(), self._waiting.popleft())
        for worker in self._workers:
            while worker.ready and self._available(size):
                self._give(worker, self._waiting.popleft())

    def _queue(self, attempts: Sequence[Attempt[P]]) -> None:
        """Puts attempts in front of all that wait."""
        self._alone += (attempt for attempt in attempts if attempt.alone)
        self._waiting.extendleft(attempt for attempt in reversed(attempts) if not attempt.alone)

    def _hire(self) -> LiveWorker[P]:
        number = next(self._numbers)
        worker: LiveWorker[P] = LiveWorker(number, self._launcher.start(number), self._inbox)
        self._workers.append(worker)
        return worker

    def _give(self, worker: LiveWorker[P], attempt: Attempt[P]) -> None:
        attempt.serial = next(self._serials)
        try:
            plan = pickle.dumps(attempt.plan(), pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001  pickling calls the plan's own code
            self._fail(attempt.task, as_failure(error))
            return
        worker.attempts.append(attempt)
        worker.send(Order(attempt.serial, attempt.stop, plan))

    def _outcome(self, worker: LiveWorker[P], message: bytes) -> Outcome[P, R] | None:
        """Returns the outcome that a worker sent, unless the attempt was a probe."""
        attempt = worker.attempts.popleft()
        finished, value, error = _loads(message)
        if attempt.stop is not None:
            self._queue(attempt.succeeded())
            return None
        attempt.task.counter.update(finished)
        return Outcome(attempt.task.given, value, error)

    def _bury(self, worker: LiveWorker[P]) -> None:
        """Finds out what a worker died of; its plans go back to the front."""
        self._workers.remove(worker)
        end = self._launcher.wait(worker.number)
        worker.close()
        if end.trouble:
            raise ResourceError(f"cannot start a worker: {end.trouble}; use fewer workers (--workers)")
        if not worker.attempts:
            return
        attempt = worker.attempts.popleft()
        self._queue(worker.attempts)
        if not attempt.task.over:
            self._queue(self._after(attempt, worker, end))

    def _after(self, attempt: Attempt[P], worker: LiveWorker[P], end: Exit) -> list[Attempt[P]]:
        """Returns the next attempts after a worker died in one; none when its plan has failed."""
        task = attempt.task
        reading = worker.read()
        late = worker.expired or end.code == _ALARM < 0
        if reading.serial != attempt.serial or reading.item < 0:
            begun = reading.serial == attempt.serial
            task.deaths += begun
            task.false_starts += not begun
            if task.deaths <= _DEATHS and task.false_starts <= _FALSE_STARTS:
                return [attempt.again()]
            times = f"{task.deaths + task.false_starts} times while it processed no image"
            self._fail(task, _repeated(f"{'stalled or died' if late else 'died'} {times}, {_cause(end)}"))
            return []
        if attempt.stop is None:
            task.counter.update(reading.finished)
        if late and worker.stopped == reading and task.pauses < _MOST_PAUSES:
            task.pauses += 1
            return [attempt.again()]
        reason = f"took longer than {self._settings.item_timeout:g} s" if late else f"decoder died, {_cause(end)}"
        if reading.item not in task.excluded:
            following = attempt.died(reading.item, reason, self._settings.workers)
            if not task.stubborn:
                return following
        self._fail(task, _repeated(f"could not do a part of a shard that cannot be left out: {reason}"))
        return []

    def _fail(self, task: Task[P], error: Exception) -> None:
        task.over = True
        self._failed.append(Outcome(task.given, None, error))

    def _look(self) -> None:
        """Reads every heartbeat: for the progress, and for a deadline that the kernel's timer did not enforce."""
        now = monotonic()
        timeout = self._settings.item_timeout
        patience = timeout + slack(timeout) + (_BACKUP if has_timer() else 0)
        for worker in self._workers:
            reading = worker.read()
            if not worker.attempts or reading != worker.seen:
                worker.seen, worker.since = reading, now
            if not worker.attempts:
                continue
            attempt = worker.attempts[0]
            begun = worker.has_begun(attempt, reading)
            if begun and attempt.stop is None:
                attempt.task.counter.update(reading.finished)
            allowed = patience if begun and reading.item >= 0 else max(patience, QUIET)
            if now - worker.since > allowed and not worker.expired:
                worker.expired = True
                self._launcher.kill(worker.number)


def _repeated(what: str) -> WorkerError:
    return WorkerError(f"a worker {what}; if memory was short, use fewer workers (--workers)")


def _cause(end: Exit) -> str:
    return f"signal {-end.code}" if end.code < 0 else f"exit status {end.code}"


def _loads(message: bytes) -> tuple[int, Any, Exception | None]:
    """Finished items, value, error."""
    try:
        return pickle.loads(message)  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001  a value's own code runs here
        return 0, None, as_failure(FunctionError(f"the value cannot be unpickled: {describe(error)}"))
