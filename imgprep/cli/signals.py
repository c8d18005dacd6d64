"""SIGINT and SIGTERM: the first ends a command in order, a later one at once, and none of them with a traceback."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

SIGNALS: Final = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
ECHO: Final = 1.0
"""Seconds in which a second signal counts as the first: `timeout` sends one to the process and one to its group."""
REMINDER: Final = 2.0
"""Seconds after which a signal that came to nothing is raised again."""


class Stopped(BaseException):
    """A signal asks the command to end; typer would keep a KeyboardInterrupt to itself and say nothing.

    Attributes:
        how: a word for people.
        code: what a shell says of a process that such a signal ended.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.how = SIGNALS[signal.Signals(number)]
        self.code = 128 + number


def leave_at_once() -> None:
    """Makes a signal end the process where it stands, for the time in which there is nothing to put in order."""
    for number in SIGNALS:
        if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, _leave)


@contextmanager
def stoppable() -> "Iterator[Stop]":
    """In the block the first signal raises `Stopped`; one that is ignored outside stays so, as under nohup.

    Yields:
        What knows whether there was one.
    """
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    stop = Stop()
    for number, handler in handlers.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield stop
    finally:
        stop.over()
        for number, handler in handlers.items():
            signal.signal(number, handler)


class Stop:
    """The handler of both signals in one block.

    Attributes:
        number: of the first signal; 0 as long as there was none.
    """

    def __init__(self) -> None:
        self.number = 0
        self._first = 0.0

    def __call__(self, number: int, _frame: object) -> None:
        """Raises `Stopped` for the first signal, and ends the process at once for a later one."""
        if not self._first:
            self._first = time.monotonic()
            self.number = number
            self._remind(number)
            raise Stopped(number)
        if time.monotonic() - self._first > ECHO:
            _leave(number, None)

    def over(self) -> None:
        """From now on nothing is raised."""
        self._first = self._first or time.monotonic()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _remind(self, number: int) -> None:
        """Raises it again after a while: Python loses what is raised inside a destructor or a callback of C."""

        def again(*_: object) -> NoReturn:
            raise Stopped(number)

        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, again)
            signal.setitimer(signal.ITIMER_REAL, REMINDER)


def _leave(number: int, _frame: object) -> NoReturn:
    # Workers end with the process that started them.
    os._exit(128 + number)
