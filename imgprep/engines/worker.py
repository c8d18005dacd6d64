"""Runs a worker process: it makes itself safe, then does one plan after the other."""

import ctypes
import mmap
import os
import pickle
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

from imgprep.engines.base import (
    Abandoned,
    Function,
    FunctionError,
    Heartbeat,
    Outcome,
    Settings,
    as_failure,
    describe,
    run_plan,
)
from imgprep.engines.heartbeat import SharedHeartbeat, Slots

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_PR_SET_PDEATHSIG: Final = 1

# Libraries read these when they are loaded; a worker has one core.
ENVIRONMENT: Final = (("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1"), ("MKL_NUM_THREADS", "1"))
# Where the system runs out of memory, it shall kill a worker, which costs an image, and not the supervisor.
_OOM_SCORE: Final = "500"


def set_environment() -> None:
    """Sets what the libraries read when they are loaded, unless the user has set it."""
    for name, value in ENVIRONMENT:
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

    def __call__(self, plan: object, heartbeat: Heartbeat, /) -> None:
        raise FunctionError(
            f"a worker cannot load the function: {self.reason}; define it in a module that can be imported"
        )


class Order(NamedTuple):
    """An order from the supervisor to a worker.

    Attributes:
        serial: the number of the attempt.
        stop: the item before which it ends; None to do the plan to its end.
        plan: the plan, pickled: one that cannot be unpickled is a failure of the plan and not of the worker.
    """

    serial: int
    stop: int | None
    plan: bytes


def serve(connection: Connection, slots: Slots, function: Function[Any, Any], settings: Settings, parent: int) -> None:
    """Does the plans that come, until no more will come."""
    _isolate(parent)
    limit_memory(settings.memory_limit)
    heartbeat = SharedHeartbeat(slots, settings.item_timeout, parent)
    with suppress(OSError, EOFError):  # the supervisor has ended, so there is no receiver
        while (order := connection.recv()) is not None:
            heartbeat.start(order.serial, order.stop)
            connection.send_bytes(_result(order.plan, function, heartbeat))
            del order


def serve_spawned(connection: Connection, slots: Slots, function: bytes, settings: Settings, parent: int) -> None:
    """The same for a process that starts from nothing."""
    set_environment()
    _silence(0, 1)
    if hasattr(os, "setsid"):  # of its own, it gets no Ctrl-C and no Ctrl-Z
        os.setsid()
    serve(connection, slots, load_function(function), settings, parent)


def _result(pickled: bytes, function: Function[Any, Any], heartbeat: SharedHeartbeat) -> bytes:
    try:
        outcome: Outcome[Any, Any] = run_plan(function, pickle.loads(pickled), heartbeat)
        error = None if outcome.error is None else _portable(outcome.error)
        return pickle.dumps((heartbeat.finished, outcome.value, error), pickle.HIGHEST_PROTOCOL)
    except Abandoned:
        return pickle.dumps((heartbeat.finished, None, None))
    except Exception as error:  # noqa: BLE001  a plan or a value that cannot be pickled can raise anything
        return pickle.dumps((heartbeat.finished, None, _portable(as_failure(error))))


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
        _silence(2)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, "ascii")
    if (opencv := sys.modules.get("cv2")) is not None:
        opencv.setNumThreads(1)


def _silence(*standard: int) -> None:
    """Keeps what is printed here from the supervisor's streams."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    for stream in standard:
        os.dup2(descriptor, stream)
    os.close(descriptor)


def can_limit_memory() -> bool:
    """Returns whether the memory of a worker can be limited here: macOS ignores the limit, Windows has none."""
    return sys.platform == "linux" and resource is not None and _unused_address_space() is not None


def limit_memory(limit: int) -> None:
    """Limits what is allocated from now on, where the system can; address space that is not resident does not count."""
    unused = _unused_address_space()
    if resource is None or unused is None or not can_limit_memory():
        return
    wanted = unused + limit
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _unused_address_space() -> int | None:
    """Bytes that this process has mapped and that are not resident; None where the system does not tell."""
    try:
        mapped, resident = map(int, Path("/proc/self/statm").read_text("ascii").split()[:2])
    except (OSError, ValueError):
        return None
    return (mapped - resident) * mmap.PAGESIZE
