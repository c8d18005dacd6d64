"""How the supervisor gets its workers, and how it learns what became of them.

`Nursery` is the way wherever processes can fork: one process imports the libraries once and forks workers on demand.
Against the alternatives, on two busy cores, median of five alternating rounds, milliseconds until two workers with
numpy, OpenCV and h5py are ready / until one more is after a death: nursery 394 / 3, forkserver of `multiprocessing`
596 / 16, an interpreter for each worker 789 / 406, spawn 1042 / 446. Unlike `multiprocessing`, it never imports the
user's main module, so a script needs no ``if __name__ == "__main__"``, and the function is loaded once for all
workers, which share its memory. `Spawner` is for the systems that cannot fork.
"""

import atexit
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from imgprep.engines.base import Settings
from imgprep.engines.channel import Channel
from imgprep.engines.cursor import SLOTS, Slots, map_slots, slot_file
from imgprep.engines.nursery import COMMAND, PATIENCE, Exit, Start
from imgprep.engines.worker import serve_spawned
from imgprep.errors import ResourceError, check_surroundings

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

_GRACE: Final = 1.0


class Line(NamedTuple):
    """The supervisor's connection to a new worker."""

    connection: socket.socket
    slots: Slots


class Launcher(Protocol):
    """Starts workers, which are known by numbers that the supervisor chooses, and ends them."""

    def load(self, function: bytes, settings: Settings) -> None:
        """Takes the pickled function for the workers that are started from now on."""
        ...

    def start(self, number: int) -> Line:
        """Starts a worker; does not wait until it is ready."""
        ...

    def kill(self, number: int) -> None:
        """Kills a worker, which is then still to be waited for."""
        ...

    def wait(self, number: int) -> Exit:
        """Waits for a worker that is about to end; one that does not is killed after a few seconds."""
        ...

    def keep(self) -> None:
        """Ends the use of the launcher after all workers were waited for."""
        ...

    def close(self) -> None:
        """Kills all workers at once and waits for them."""
        ...


class Nursery:
    """The supervisor's side of the process that forks workers."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._channel = Channel(self._control)
        self._owner = os.getpid()
        flags = ["-X", "utf8"] if sys.flags.utf8_mode else []
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; from imgprep.engines.nursery import main; main({theirs.fileno()})"
        )
        try:
            # A session of its own keeps Ctrl-C and Ctrl-Z from the workers: a stopped worker would miss its deadline.
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            self._control.close()
            check_surroundings(error, "cannot start a process")
            raise ResourceError(f"cannot start a process: {error.strerror}; use fewer workers (--workers)") from error
        finally:
            theirs.close()

    def usable(self) -> bool:
        """Whether it is alive, and this process's own: a fork of the owner must not use it. If not, lets go of it."""
        if self._process.poll() is None and self._owner == os.getpid():
            return True
        self._control.close()
        return False

    def load(self, function: bytes, settings: Settings) -> None:
        """See `Launcher.load`."""
        start = Start(sys.path, os.getcwd(), settings, function)  # noqa: PTH109  a string is what is sent
        self._command(b"F", payload=pickle.dumps(tuple(start), pickle.HIGHEST_PROTOCOL))

    def start(self, number: int) -> Line:
        """See `Launcher.start`."""
        ours, theirs = socket.socketpair()
        slots = slot_file()
        try:
            self._command(b"S", number, descriptors=[theirs.fileno(), slots])
            return Line(ours, map_slots(slots))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(slots)

    def kill(self, number: int) -> None:
        """See `Launcher.kill`."""
        self._command(b"K", number)

    def wait(self, number: int) -> Exit:
        """See `Launcher.wait`."""
        self._command(b"W", number)
        try:
            answer = self._channel.receive()
        except OSError:
            answer = None
        if answer is None:
            raise self._dead()
        return Exit(*pickle.loads(answer))

    def keep(self) -> None:
        """See `Launcher.keep`: the process stays for the next run of this program."""
        self._command(b"F")
        _keep(self)

    def close(self) -> None:
        """See `Launcher.close`."""
        self._control.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            # On Linux the workers die with it; elsewhere they see that their parent is gone.
            self._process.kill()
            self._process.wait()

    def _command(
        self, letter: bytes, number: int = 0, payload: bytes = b"", descriptors: list[int] | None = None
    ) -> None:
        try:
            socket.send_fds(self._control, [COMMAND.pack(letter, number, len(payload))], descriptors or [])
            if payload:
                self._control.sendall(payload)
        except OSError:
            raise self._dead() from None

    def _dead(self) -> ResourceError:
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            code = 0
        return ResourceError(f"the process that starts the workers died (exit status {code}); run the command again")


class Spawner:
    """Starts every worker from nothing, where processes cannot fork."""

    def __init__(self) -> None:
        from multiprocessing import get_context  # noqa: PLC0415  most systems fork

        self._context = get_context("spawn")
        self._processes: dict[int, SpawnProcess] = {}
        self._function = b""
        self._settings = Settings(1)

    def load(self, function: bytes, settings: Settings) -> None:
        """See `Launcher.load`."""
        self._function, self._settings = function, settings

    def start(self, number: int) -> Line:
        """See `Launcher.start`."""
        ours, theirs = socket.socketpair()
        slots: Slots = self._context.RawArray("q", SLOTS)
        arguments = (theirs, slots, self._function, self._settings, os.getpid())
        process = self._context.Process(target=serve_spawned, args=arguments, daemon=True)
        with theirs:
            process.start()
        self._processes[number] = process
        return Line(ours, slots)

    def kill(self, number: int) -> None:
        """See `Launcher.kill`."""
        self._processes[number].kill()

    def wait(self, number: int) -> Exit:
        """See `Launcher.wait`."""
        process = self._processes.pop(number)
        process.join(PATIENCE)
        process.kill()
        process.join()
        return Exit(process.exitcode or 0)

    def keep(self) -> None:
        """See `Launcher.keep`."""

    def close(self) -> None:
        """See `Launcher.close`."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.join()


_kept: list[Nursery] = []


def launcher() -> Launcher:
    """The launcher for one run."""
    return _nursery() if CAN_FORK else Spawner()


def warm_up() -> None:
    """Starts the process that workers come from, without waiting for it: its imports overlap with the caller's own.

    Workers get the environment variables of this moment.
    """
    if CAN_FORK:
        _keep(_nursery())


def cool_down() -> None:
    """Ends the process that workers come from, if no run uses it."""
    while _kept:
        kept = _kept.pop()
        if kept.usable():
            kept.close()


CAN_FORK: Final = hasattr(os, "fork") and hasattr(socket, "send_fds")
_at_exit: Callable[[], object] | None = None


def _nursery() -> Nursery:
    with suppress(IndexError):
        while True:
            kept = _kept.pop()
            if kept.usable():
                return kept
    return Nursery()


def _keep(nursery: Nursery) -> None:
    global _at_exit  # noqa: PLW0603  registered with the first use, not with the import
    if _at_exit is None:
        _at_exit = atexit.register(cool_down)
    _kept.append(nursery)
