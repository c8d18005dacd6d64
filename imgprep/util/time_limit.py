"""Ends work that takes too long, such as the search of a regular expression that backtracks without end."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from types import FrameType
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE: Final = 1024
SECONDS: Final = 10.0
"""For `AT_ONCE` searches of a regular expression, a thousand times what a sound one takes."""


class TooSlowError(Exception):
    """A function takes too long.

    Attributes:
        item: to which it was applied; or one near it.
    """

    def __init__(self, item: object, seconds: float) -> None:
        super().__init__(f"takes over {seconds:g} s")
        self.item = item


def map_in_time(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Like `map`, with a limit of time for every `AT_ONCE` items; see `time_limit`.

    Raises:
        TooSlowError: the function takes longer.
    """
    rest, seconds = iter(items), SECONDS
    while batch := list(islice(rest, AT_ONCE)):
        done: list[R] = []
        try:
            with time_limit(seconds):
                for item in batch:
                    done.append(function(item))  # noqa: PERF401 - how far it came tells which item is to blame
        except TimeoutError:
            raise TooSlowError(batch[min(len(done), len(batch) - 1)], seconds) from None
        yield from done


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in the work inside the context when it takes too long.

    A signal does it, which only the main thread gets and not every system has; elsewhere the work is not limited.

    Args:
        seconds: of wall-clock time.

    Raises:
        TimeoutError: the work took longer.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
