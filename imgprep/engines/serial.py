"""One plan after the other in the calling thread: for debugging, and the reference for the other engines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import monotonic

from imgprep.engines.base import (
    TICK,
    Counter,
    Function,
    Outcome,
    P,
    R,
    Settings,
    Tally,
    attempt,
    single_threaded_opencv,
)


@dataclass(frozen=True, slots=True)
class Serial(Settings):
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
                tally = Tally(progress)
                cursor = _Reporter(tally)
                outcome = attempt(function, plan, cursor)
                tally.update(cursor.finished)
                yield outcome


class _Reporter(Counter):
    """Reports as it counts, for nobody else can while the function runs."""

    __slots__ = ("_next", "_tally")

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally
        self._next = monotonic() + TICK

    def at(self, item: int) -> None:
        super().at(item)
        now = monotonic()
        if now >= self._next:
            self._next = now + TICK
            self._tally.update(self.finished)
