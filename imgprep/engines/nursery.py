"""The process that workers are born in: it imports the libraries once, then forks a worker in milliseconds.

It obeys one command at a time, which come over a socket from the supervisor, and ends, with every worker, when that
socket closes. It has one thread and no image ever passes through it, so forking is safe.

A command is a letter, the number of a worker and a length, then so many bytes:

- ``F``: the function, as a pickle, for the workers that are started from now on.
- ``S``: start a worker; the descriptors of its socket and of its slots travel with the command.
- ``K``: kill a worker.
- ``W``: wait for a worker to end; answered by its `Exit`, as a pickle.
"""

import atexit
import gc
import importlib
import os
import pickle
import signal
import socket
import sys
import time
from contextlib import suppress
from struct import Struct
from typing import Any, Final, NamedTuple

from imgprep.engines.base import Function, Settings
from imgprep.engines.channel import Channel, receive_exactly
from imgprep.engines.cursor import map_slots
from imgprep.engines.worker import load_function, serve, set_environment

COMMAND: Final = Struct("<cQQ")
PATIENCE: Final = 5.0
# The decoder comes first: it sets the limits that OpenCV reads when it is loaded.
_PRELOADED: Final = ("imgprep.decoding.decode", "h5py")
_PARENT_CHECK: Final = 1.0


class Start(NamedTuple):
    """What the nursery must know to make workers that find what their supervisor finds."""

    path: list[str]
    folder: str
    settings: Settings
    function: bytes


class Exit(NamedTuple):
    """How a worker ended.

    Attributes:
        code: the exit status; negative the signal that killed it.
        trouble: why it could not even be started; '' when it was.
    """

    code: int
    trouble: str = ""


class _Birth(NamedTuple):
    """What a new worker takes with it out of the nursery."""

    connection: socket.socket
    slots: Any
    function: Function[Any, Any]
    settings: Settings
    parent: int


class _Nursery:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._channel = Channel(control)
        self._pids: dict[int, int] = {}
        self._troubles: dict[int, str] = {}
        self._function: Function[Any, Any] | None = None
        self._settings = Settings(1)

    def obey(self) -> _Birth | None:
        """Obeys until the supervisor is gone; in a new worker, gives what it is to do."""
        supervisor = os.getppid()
        while os.getppid() == supervisor:
            try:
                command = self._receive()
            except TimeoutError:
                continue
            if command is None:
                break
            letter, number, payload, descriptors = command
            if letter == b"S":
                if birth := self._fork(number, descriptors):
                    return birth
            elif letter == b"K":
                self._kill(number)
            elif letter == b"W":
                self._answer(self._wait(number))
            else:
                self._load(payload)
        for number in self._pids:
            self._kill(number)
        for number in list(self._pids):
            self._wait(number)
        return None

    def _receive(self) -> tuple[bytes, int, bytearray, list[int]] | None:
        """The next command; None when the supervisor is gone.

        Raises:
            TimeoutError: none came for a while.
        """
        self._control.settimeout(_PARENT_CHECK)
        try:
            header, descriptors, _, _ = socket.recv_fds(self._control, COMMAND.size, 2)
        except ConnectionError:
            return None
        if len(header) < COMMAND.size:
            return None
        self._control.settimeout(None)
        letter, number, length = COMMAND.unpack(header)
        payload = receive_exactly(self._control, length)
        return None if payload is None else (letter, number, payload, descriptors)

    def _answer(self, end: Exit) -> None:
        # Where nobody listens any more, the next command does not come, and that ends the nursery.
        with suppress(OSError):
            self._channel.send(pickle.dumps(tuple(end)))

    def _load(self, payload: bytearray) -> None:
        self._function = None
        if not payload:
            return
        start = Start(*pickle.loads(payload))
        sys.path[:] = start.path
        with suppress(OSError):
            os.chdir(start.folder)
        self._settings = start.settings
        self._function = load_function(start.function)

    def _fork(self, number: int, descriptors: list[int]) -> _Birth | None:
        connection, slots = descriptors
        # What exists now is never garbage: left out of collections, its memory stays shared among the workers.
        gc.freeze()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._troubles[number] = str(error)
            pid = -1
        if pid == 0:
            self._control.close()
            assert self._function is not None
            return _Birth(socket.socket(fileno=connection), map_slots(slots), self._function, self._settings, parent)
        if pid > 0:
            self._pids[number] = pid
        os.close(connection)
        os.close(slots)
        return None

    def _kill(self, number: int) -> None:
        if number in self._pids:
            os.kill(self._pids[number], signal.SIGKILL)

    def _wait(self, number: int) -> Exit:
        if number in self._troubles:
            return Exit(1, self._troubles.pop(number))
        pid = self._pids.pop(number)
        end = time.monotonic() + PATIENCE
        while True:
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                return Exit(os.waitstatus_to_exitcode(status))
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                return Exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            time.sleep(0.0005)


def main(descriptor: int) -> None:
    """Runs the nursery, or what becomes of it after a fork, and ends the process.

    Args:
        descriptor: of the socket that commands come from.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_environment()
    for name in _PRELOADED:
        # Whoever needs a library that cannot be loaded says so better.
        with suppress(ImportError):
            importlib.import_module(name)
    if birth := _Nursery(socket.socket(fileno=descriptor)).obey():
        serve(*birth)
    # The ordinary end, but without taking every imported module apart: that takes a tenth of a second.
    atexit._run_exitfuncs()
    os._exit(0)
