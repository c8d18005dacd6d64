"""Starts workers for the supervisor, and tells it how they ended.

`ForkServer` is the way wherever it is safe to fork: one process imports the libraries once and forks workers on demand.
Against the alternatives, on two busy cores, median of five alternating rounds, milliseconds until two workers with
numpy, OpenCV and h5py are ready / until one more is after a death: this one 394 / 3, forkserver of `multiprocessing`
596 / 16, an interpreter for each worker 789 / 406, spawn 1042 / 446. Unlike `multiprocessing`, it never imports the
user's main module, so a script needs no ``if __name__ == "__main__"``, and the function is loaded once for all
workers, which share its memory. `Spawner` is for the other systems: Windows cannot fork, and on macOS the libraries
that OpenCV links do not survive it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from weakref import finalize

from imgprep.engines.base import Settings
from imgprep.engines.forkserver import PATIENCE, Control, Exit
from imgprep.engines.heartbeat import SLOTS, Slots, map_slots, slot_file
from imgprep.engines.worker import serve_spawned
from imgprep.errors import ResourceError, check_surroundings

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

_GRACE: Final = 1.0


def can_fork() -> bool:
    """Returns whether workers are forked on this system."""
    return sys.platform != "darwin" and hasattr(os, "fork") and hasattr(socket, "send_fds")


class WorkerHandle(NamedTuple):
    """The supervisor's connection to a new worker."""

    connection: Connection
    slots: Slots


class Launcher(Protocol):
    """Starts workers, which are known by numbers that the supervisor chooses, and ends them."""

    def load(self, function: bytes, settings: Settings) -> None:
        """Takes the pickled function for the workers that are started from now on."""
        ...

    def start(self, number: int) -> WorkerHandle:
        """Starts a worker; does not wait until it is ready."""
        ...

    def kill(self, number: int) -> None:
        """Kills a worker, which is then still to be waited for."""
        ...

    def wait(self, number: int) -> Exit:
        """Waits for a worker that is about to end; one that does not is killed after a few seconds."""
        ...

    def release(self) -> bool:
        """Ends the use of the launcher after all workers were waited for; whether another run may have it."""
        ...

    def close(self) -> None:
        """Kills all workers at once and waits for them."""
        ...


class ForkServer:
    """The supervisor's side of the process that forks workers: see `imgprep.engines.forkserver`.

    Args:
        modules: that workers will need, imported ahead.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        ours, theirs = socket.socketpair()
        self._used = False
        self._control = Control(ours)
        self._owner = os.getpid()
        flags = ["-X", "utf8"] if sys.flags.utf8_mode else []
        module = "imgprep.engines.forkserver"
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main{(theirs.fileno(), *modules)!r}"
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
        """True if it is alive, and this process's own: a fork of the owner must not use it. If not, lets go of it."""
        if self._process.poll() is None and self._owner == os.getpid():
            return True
        self._control.close()
        return False

    def load(self, function: bytes, settings: Settings) -> None:
        """See `Launcher.load`."""
        self._command("load", sys.path, os.getcwd(), settings, function)  # noqa: PTH109  a string is what is sent

    def start(self, number: int) -> WorkerHandle:
        """See `Launcher.start`."""
        self._used = True
        ours, theirs = socket.socketpair()
        slots = slot_file()
        try:
            self._command("start", number, descriptors=(theirs.fileno(), slots))
            return WorkerHandle(Connection(ours.detach()), map_slots(slots))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(slots)

    def kill(self, number: int) -> None:
        """See `Launcher.kill`."""
        self._command("kill", number)

    def wait(self, number: int) -> Exit:
        """See `Launcher.wait`."""
        self._command("wait", number)
        try:
            answer: Exit = self._control.receive()
        except (OSError, EOFError):
            raise self._dead() from None
        return answer

    def release(self) -> bool:
        """See `Launcher.release`: the process stays for the next run."""
        self._command("forget")
        return True

    def close(self) -> None:
        """See `Launcher.close`."""
        self._control.close()
        if not self._used:  # it may be importing still, for nobody
            self._process.kill()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            # On Linux the workers die with it; elsewhere they see that their parent is gone.
            self._process.kill()
            self._process.wait()

    def _command(self, *command: object, descriptors: tuple[int, ...] = ()) -> None:
        try:
            self._control.send(command, descriptors)
        except OSError:
            raise self._dead() from None

    def _dead(self) -> ResourceError:
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            code = 0
        return ResourceError(f"the process that starts the workers died (exit status {code}); rerun the same command")


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

    def start(self, number: int) -> WorkerHandle:
        """See `Launcher.start`."""
        ours, theirs = self._context.Pipe()
        slots: Slots = self._context.RawArray("q", SLOTS)
        arguments = (theirs, slots, self._function, self._settings, os.getpid())
        process = self._context.Process(target=serve_spawned, args=arguments, daemon=True)
        try:
            process.start()
        except OSError as error:
            ours.close()
            check_surroundings(error, "cannot start a worker")
            raise ResourceError(f"cannot start a worker: {error.strerror}; use fewer workers (--workers)") from error
        finally:
            theirs.close()
        self._processes[number] = process
        return WorkerHandle(ours, slots)

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

    def release(self) -> bool:
        """See `Launcher.release`: nothing is left."""
        return False

    def close(self) -> None:
        """See `Launcher.close`."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.join()


class Launchers:
    """The launchers of one engine: one for each run at a time, fork servers kept for the next run."""

    def __init__(self) -> None:
        self._idle: list[ForkServer] = []
        self._end = finalize(self, _close, self._idle)

    def prepare(self, modules: Sequence[str] = ()) -> None:
        """Starts the process that workers come from, without waiting for it: its imports overlap with the caller's own.

        Workers get the environment variables of this moment.

        Args:
            modules: that workers will need, imported ahead.
        """
        if can_fork():
            self._idle.append(self._server(modules))

    def take(self) -> Launcher:
        """A launcher for one run."""
        return self._server() if can_fork() else Spawner()

    def give_back(self, launcher: Launcher) -> None:
        """Takes a launcher back whose workers have all ended."""
        if launcher.release() and isinstance(launcher, ForkServer):
            self._idle.append(launcher)

    def close(self) -> None:
        """Ends what no run uses."""
        _close(self._idle)

    def _server(self, modules: Sequence[str] = ()) -> ForkServer:
        with suppress(IndexError):
            while True:
                idle = self._idle.pop()
                if idle.usable():
                    return idle
        return ForkServer(modules)


def _close(idle: list[ForkServer]) -> None:
    while idle:
        server = idle.pop()
        if server.usable():
            server.close()
