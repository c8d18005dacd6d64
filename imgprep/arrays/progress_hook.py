"""Steps of long work on a file: whoever set a deadline for it gives each step one of its own.

A file of a million arrays is honest and takes minutes to look through; one that keeps a library busy for minutes with a
single array is not. So what goes through a file calls `step` as it gets on, which costs next to nothing where nobody
listens.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")
_EVERY: Final = 1024


class _Listener(threading.local):
    """Who wants to know of the steps of this thread."""

    call: Callable[[], object] | None = None


_listener: Final = _Listener()


def step() -> None:
    """Says that another part of the work is done."""
    if _listener.call is not None:
        _listener.call()


def in_steps(items: Iterable[T]) -> Iterator[T]:
    """The items, with a step every thousand or so."""
    for number, item in enumerate(items):
        if not number % _EVERY:
            step()
        yield item


@contextmanager
def stepping(listener: Callable[[], object]) -> Iterator[None]:
    """Calls the listener at each step that this thread takes inside.

    Args:
        listener: may raise; the work then ends there.
    """
    before, _listener.call = _listener.call, listener
    try:
        yield
    finally:
        _listener.call = before
