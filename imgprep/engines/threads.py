"""Plans in a bounded pool of threads: good for large photos, whose decoding releases the interpreter lock."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from threading import Event
from typing import NamedTuple

from imgprep.engines.base import (
    TICK,
    Abandoned,
    Function,
    InProcess,
    ItemCounter,
    Outcome,
    P,
    ProgressCounter,
    R,
    run_plan,
    single_threaded_opencv,
)


@dataclass(frozen=True, slots=True)
class Threads(InProcess):
    """Runs the plans in threads.

    A thread cannot be ended from outside, so there is no deadline and no memory limit, and an image that kills the
    decoder kills the run: use `Processes` for images of unknown origin. When the run is closed early, each thread
    ends at its next item.
    """

    def run(
        self, function: Function[P, R], plans: Iterable[P], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[P, R]]:
        """See `Engine.run`."""
        plans = iter(plans)
        stop = Event()
        running: dict[Future[Outcome[P, R]], _Watched] = {}
        with single_threaded_opencv(), ThreadPoolExecutor(self.workers, "imgprep") as pool:
            try:
                while True:
                    for plan in islice(plans, 2 * self.workers - len(running)):
                        heartbeat = _Stoppable(stop)
                        running[pool.submit(run_plan, function, plan, heartbeat)] = _Watched(
                            heartbeat, ProgressCounter(progress)
                        )
                    if not running:
                        return
                    finished, _ = wait(running, TICK, FIRST_COMPLETED)
                    for watched in running.values():
                        watched.counter.update(watched.heartbeat.finished)
                    for future in finished:
                        watched = running.pop(future)
                        outcome = future.result()
                        watched.counter.update(watched.heartbeat.finished)
                        yield outcome
            finally:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)


class _Stoppable(ItemCounter):
    """Counts, and ends the function when the run is over."""

    __slots__ = ("_stop",)

    def __init__(self, stop: Event) -> None:
        super().__init__()
        self._stop = stop

    def at(self, item: int) -> None:
        if self._stop.is_set():
            raise Abandoned
        super().at(item)


class _Watched(NamedTuple):
    heartbeat: ItemCounter
    counter: ProgressCounter
