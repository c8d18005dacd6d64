"""What goes on in a worker process: it makes itself safe, then does one plan after the other."""

import ctypes
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any, Final

from imgprep.engines.base import (
    Cursor,
    Function,
    FunctionError,
    Outcome,
    Settings,
    Stopped,
    as_failure,
    attempt,
    describe,
)
from imgprep.engines.channel import Channel
from imgprep.engines.cursor import SharedCursor, Slots

# What stands before a plan: the number of the try, and the item before which it is stopped.
HEAD: Final = Struct("<Qq")
TO_THE_END: Final = -1
_PR_SET_PDEATHSIG: Final = 1

# Libraries read these when they are loaded; a worker has one core.
ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# Where the system runs out of memory, it shall kill a worker, which costs an image, and not the supervisor.
_OOM_SCORE: Final = "500"


def set_environment() -> None:
    """Sets what the libraries read when they are loaded, unless the user has set it."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def load_function(pickled: bytes) -> Function[Any, Any]:
    """Unpickles the function; one that cannot be loaded becomes one that fails and says so."""
    try:
        return pickle.loads(pickled)  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001  importing the function's module can raise anything
        return _Unloadable(describe(error))


class _Unloadable:
    """Stands for a function that this process cannot load."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __call__(self, plan: object, cursor: Cursor, /) -> None:
        raise FunctionError(
            f"a worker cannot load the function: {self.reason}; define it in a module that can be imported"
        )


def serve(
    connection: socket.socket, slots: Slots, function: Function[Any, Any], settings: Settings, parent: int
) -> None:
    """Does the plans that come, until no more will come."""
    _isolate(parent)
    _limit_memory(settings.memory_limit)
    cursor = SharedCursor(slots, settings.item_timeout, parent)
    channel = Channel(connection)
    with suppress(ConnectionError):  # the supervisor was stopped: there is nobody left to tell
        while (message := channel.receive()) is not None:
            serial, stop = HEAD.unpack_from(message)
            cursor.start(serial, None if stop == TO_THE_END else stop)
            channel.send(_result(message, function, cursor))
            del message


def serve_spawned(connection: socket.socket, slots: Slots, function: bytes, settings: Settings, parent: int) -> None:
    """The same for a process that starts from nothing."""
    set_environment()
    serve(connection, slots, load_function(function), settings, parent)


def _result(message: bytearray, function: Function[Any, Any], cursor: SharedCursor) -> bytes:
    try:
        plan = pickle.loads(memoryview(message)[HEAD.size :])
        outcome: Outcome[Any, Any] = attempt(function, plan, cursor)
        error = None if outcome.error is None else _portable(outcome.error)
        return pickle.dumps((cursor.finished, outcome.value, error), pickle.HIGHEST_PROTOCOL)
    except Stopped:
        return pickle.dumps((cursor.finished, None, None))
    except Exception as error:  # noqa: BLE001  a plan or a value that cannot be pickled can raise anything
        return pickle.dumps((cursor.finished, None, _portable(as_failure(error))))


def _portable(error: Exception) -> Exception:
    """The error, if it comes out of a pickle as it went in, else a description of it."""
    try:
        if type(pickle.loads(pickle.dumps(error))) is type(error):
            return error
    except Exception:  # noqa: BLE001  an exception's constructor can raise anything
        pass
    described = FunctionError(describe(error))
    described.__dict__.update(__notes__=getattr(error, "__notes__", []))
    return described


def _isolate(parent: int) -> None:
    """Severs the worker from the terminal, from other workers' threads, and ties its life to its parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Decoders' C libraries print what they find damaged; the reasons of those images are in the results.
    with suppress(OSError):
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)
        os.close(silence)
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  does not exist on Windows

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, "ascii")
    if (opencv := sys.modules.get("cv2")) is not None:
        opencv.setNumThreads(1)


def _limit_memory(limit: int) -> None:
    """Limits what is allocated from now on; address space that is mapped but not resident does not count."""
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  does not exist on Windows

        mapped, resident = map(int, Path("/proc/self/statm").read_text("ascii").split()[:2])
        wanted = (mapped - resident) * resource.getpagesize() + limit
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
