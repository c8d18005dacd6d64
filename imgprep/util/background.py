"""Calls a function while the caller does something else."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def in_background(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Iterator[Callable[[], R]]:
    """Calls a function in a thread of its own, which has ended at the end of the block.

    Where no thread can be started, because the system has no memory or no number for one more, the function is called
    when its result is asked for.

    Yields:
        What waits for the result, or raises what the function raised.
    """
    future = Future[R]()

    def call() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
            future.set_exception(error)

    thread = threading.Thread(target=call, name=f"imgprep-{getattr(function, '__name__', 'background')}")
    try:
        thread.start()
    except RuntimeError:
        yield lambda: function(*args, **kwargs)
        return
    try:
        yield future.result
    finally:
        thread.join()
