"""One plan after the other in the calling thread: for debugging, and the reference for the other engines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from imgprep.engines.base import (
    TICK,
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
class Serial(InProcess):
    """Runs the plans in the calling thread.

    There is no deadline and no memory limit, and an image that kills the decoder kills the run: use `Processes` for
    images of unknown origin.
    """

    def run(
        self, function: Function[P, R], plans: Iterable[P], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[P, R]]:
        """See `Engine.run`."""
        with single_threaded_opencv():
            for plan in plans:
                counter = ProgressCounter(progress)
                heartbeat = _Reporter(counter)
                outcome = run_plan(function, plan, heartbeat)
                counter.update(heartbeat.finished)
                yield outcome


class _Reporter(ItemCounter):
    """Reports while it counts, since the function runs in the calling thread."""

    __slots__ = ("_counter", "_next")

    def __init__(self, counter: ProgressCounter) -> None:
        super().__init__()
        self._counter = counter
        self._next = monotonic() + TICK

    def at(self, item: int) -> None:
        super().at(item)
        now = monotonic()
        if now >= self._next:
            self._next = now + TICK
            self._counter.update(self.finished)
