"""The process that workers are forked from: it imports the libraries once, then forks a worker in milliseconds.

It obeys one command at a time, which come from the supervisor, and ends, with every worker, when that is gone.
It has one thread and no image ever passes through it, so forking is safe.
"""

import atexit
import gc
import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from imgprep.engines.base import Function, Settings
from imgprep.engines.heartbeat import map_slots
from imgprep.engines.worker import load_function, serve, set_environment

PATIENCE: Final = 5.0
# The decoder comes first: it sets the limits that OpenCV reads when it is loaded.
_PRELOADED: Final = ("imgprep.decoding.decode", "imgprep.decoding.all_formats", "imgprep.shards.hdf5_files")
_PARENT_CHECK: Final = 1.0


class Exit(NamedTuple):
    """The exit of a worker.

    Attributes:
        code: the exit status; negative the signal that killed it.
        trouble: why it could not even be started; '' when it was.
    """

    code: int
    trouble: str = ""


class Control:
    """One end of the connection between supervisor and fork server: messages, and descriptors that travel with them."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._messages = Connection(os.dup(connection.fileno()))

    def send(self, message: object, descriptors: Iterable[int] = ()) -> None:
        """Sends a message, then the descriptors that belong to it."""
        self._messages.send(message)
        for descriptor in descriptors:
            socket.send_fds(self._socket, [b"d"], [descriptor])

    def receive(self) -> Any:
        """Waits for the next message.

        Raises:
            EOFError: no more will come.
            OSError: the same.
        """
        return self._messages.recv()

    def receive_descriptor(self) -> int:
        """A descriptor that was sent with the last message."""
        _, (descriptor,), _, _ = socket.recv_fds(self._socket, 1, 1)
        return descriptor

    def poll(self, seconds: float) -> bool:
        """Returns whether there is a message, or the end of all, within some time."""
        return self._messages.poll(seconds)

    def close(self) -> None:
        """Closes this end."""
        self._messages.close()
        self._socket.close()


class _Fork(NamedTuple):
    """The arguments for a new worker."""

    connection: Connection
    slots: Any
    function: Function[Any, Any]
    settings: Settings
    parent: int


class _Server:
    def __init__(self, control: Control) -> None:
        self._control = control
        self._pids: dict[int, int] = {}
        self._troubles: dict[int, str] = {}
        self._function: Function[Any, Any] | None = None
        self._settings = Settings(1)

    def obey(self) -> _Fork | None:
        """Obeys until the supervisor is gone; in a new worker, gives what it is to do."""
        supervisor = os.getppid()
        with suppress(EOFError, OSError):
            while os.getppid() == supervisor:
                if self._control.poll(_PARENT_CHECK):
                    name, *arguments = self._control.receive()
                    if fork := getattr(self, f"_{name}")(*arguments):
                        return fork  # type: ignore[no-any-return]
        for number in self._pids:
            self._kill(number)
        for number in list(self._pids):
            self._end(number)
        return None

    def _load(self, path: list[str], folder: str, settings: Settings, function: bytes) -> None:
        """The function for the workers that are started from now on; they find what their supervisor finds."""
        sys.path[:] = path
        with suppress(OSError):
            os.chdir(folder)
        self._settings = settings
        self._function = load_function(function)

    def _forget(self) -> None:
        self._function = None

    def _start(self, number: int) -> _Fork | None:
        connection, slots = self._control.receive_descriptor(), self._control.receive_descriptor()
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
            return _Fork(Connection(connection), map_slots(slots), self._function, self._settings, parent)
        if pid > 0:
            self._pids[number] = pid
        os.close(connection)
        os.close(slots)
        return None

    def _kill(self, number: int) -> None:
        if number in self._pids:
            os.kill(self._pids[number], signal.SIGKILL)

    def _wait(self, number: int) -> None:
        self._control.send(self._end(number))

    def _end(self, number: int) -> Exit:
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


def main(descriptor: int, *modules: str) -> None:
    """Runs the fork server, or what becomes of it after a fork, and ends the process.

    Args:
        descriptor: of the socket that commands come from.
        modules: that workers will need, imported ahead.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_environment()
    gc.disable()  # imports make many objects and no garbage
    for name in (*_PRELOADED, *modules):
        # Whoever needs a library that cannot be loaded says so better.
        with suppress(ImportError):
            importlib.import_module(name)
    gc.enable()
    if fork := _Server(Control(socket.socket(fileno=descriptor))).obey():
        serve(*fork)
    # The ordinary end, but without taking every imported module apart: that takes a tenth of a second.
    atexit._run_exitfuncs()
    os._exit(0)
