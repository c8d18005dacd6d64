"""A hook for the progress of long work on a file, so that a deadline can apply to each step instead of the whole.

A valid file of a million arrays takes minutes to read; a file that keeps a library busy for minutes with a single array
is not valid. So code that reads through a file calls `step` as it proceeds, which costs next to nothing without a
listener.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

T = TypeVar("T")
_EVERY: Final = 1024


_LISTENER: Final[ContextVar[Callable[[], object] | None]] = ContextVar("listener", default=None)


def step() -> None:
    """Reports progress to the listener of this thread, if any."""
    listener = _LISTENER.get()
    if listener is not None:
        listener()


def in_steps(items: Iterable[T]) -> Iterator[T]:
    """Yields the items, with a step every 1024."""
    for number, item in enumerate(items):
        if not number % _EVERY:
            step()
        yield item


@contextmanager
def stepping(listener: Callable[[], object]) -> Iterator[None]:
    """Calls the listener at each step of this thread inside the context.

    Args:
        listener: may raise to end the work.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
