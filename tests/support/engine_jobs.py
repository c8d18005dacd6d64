"""A plan, and a function over it that does what images of the worst kind do."""

import ctypes
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgprep.engines.base import Heartbeat, WholePlan
from imgprep.errors import ImageError, RequestError

LIMIT = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Work:
    name: str
    items: int = 5
    faults: Mapping[int, str] = field(default_factory=dict)
    excluded: Mapping[int, str] = field(default_factory=dict)
    ending: str = ""

    def excluding(self, item: int, reason: str) -> "Work":
        return replace(self, excluded={**self.excluded, item: reason})

    @property
    def size(self) -> int:
        return self.items

    def starting_at(self, item: int) -> "Work":
        return replace(self, excluded={**dict.fromkeys(range(item), "before"), **self.excluded})


@dataclass(frozen=True, slots=True)
class Report:
    name: str
    done: int
    excluded: Mapping[int, str]
    pid: int
    notes: tuple[str, ...] = ()


class TwoArgumentsError(ImageError):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Closed:
    def __reduce__(self) -> str:
        raise TypeError("this cannot be pickled")


class Breaking:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return _refuse, ("no way back",)


def _refuse(message: str) -> None:
    raise ValueError(message)


def work(plan: Work, heartbeat: Heartbeat) -> object:
    done, notes = 0, []
    for item in range(plan.items):
        heartbeat.at(item)
        if item in plan.excluded:
            continue
        fault = plan.faults.get(item)
        if fault is not None and (note := fail(fault)):
            notes.append(note)
        done += 1
    heartbeat.done()
    if plan.ending in VALUES:
        return VALUES[plan.ending]()
    if plan.ending:
        fail(plan.ending)
    return Report(plan.name, done, plan.excluded, os.getpid(), tuple(notes))


def fail(fault: str) -> str:
    kind, _, argument = fault.partition(":")
    return FAULTS[kind](argument) or ""


def _kill(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _is_first(marker: str) -> bool:
    with Path(marker).open("a") as file:
        file.write(".")
        return file.tell() == 1


def _kill_once(marker: str) -> None:
    if _is_first(marker):
        _kill("")


def _kill_node(_: str) -> None:
    """Kills what the fork server of this worker belongs to."""
    parent = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill(int(parent), signal.SIGKILL)
    time.sleep(60)


def _kill_node_once(marker: str) -> None:
    if _is_first(marker):
        _kill_node("")


def _sleep_once(marker: str) -> None:
    if _is_first(marker):
        _sleep("")


def _count(marker: str) -> None:
    with Path(marker).open("a") as file:
        file.write(".")


def _segfault(_: str) -> None:
    ctypes.string_at(0)


def _sleep(seconds: str) -> None:
    time.sleep(float(seconds or 60))


def _hang_in_c(_: str) -> None:
    ctypes.PyDLL(None).sleep(60)  # a PyDLL keeps the interpreter lock


def _hang_in_regex(_: str) -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def _hang_deaf(_: str) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)


def _abort(_: str) -> None:
    os.abort()


def _exit(code: str) -> None:
    os._exit(int(code))


def _quit(code: str) -> None:
    sys.exit(int(code))


def _allocate(_: str) -> str:
    try:
        bytearray(3 * LIMIT)
    except MemoryError:
        return "memory"
    return "enough"


def _allocate_carelessly(_: str) -> None:
    bytearray(3 * LIMIT)


def _out_of_memory(_: str) -> None:
    raise MemoryError


def _key_error(_: str) -> None:
    raise KeyError("missing")


def _image_error(_: str) -> None:
    raise ImageError("it is broken")


def _request_error(_: str) -> None:
    raise RequestError("fruits.yaml:1: no")


def _two_arguments(_: str) -> None:
    raise TwoArgumentsError("one", "two")


def _close_descriptors(_: str) -> None:
    os.closerange(3, 100)
    time.sleep(60)


def _facts(_: str) -> str:
    import cv2

    handlers = [signal.getsignal(number).name for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    threads = len(list(Path("/proc/self/task").iterdir())), threading.active_count(), cv2.getNumThreads()
    score = Path("/proc/self/oom_score_adj").read_text().strip()
    return f"{os.getsid(0)} {threads} {handlers} {os.environ['OMP_NUM_THREADS']} {score} {sys.stdin.read()!r}"


def _print(_: str) -> None:
    sys.stdout.write("a worker must not be heard")
    sys.stdout.flush()


FAULTS: Mapping[str, Callable[[str], str | None]] = {
    "kill": _kill,
    "kill-once": _kill_once,
    "kill-node": _kill_node,
    "kill-node-once": _kill_node_once,
    "sleep-once": _sleep_once,
    "count": _count,
    "segfault": _segfault,
    "sleep": _sleep,
    "hang-in-c": _hang_in_c,
    "hang-in-regex": _hang_in_regex,
    "hang-deaf": _hang_deaf,
    "abort": _abort,
    "exit": _exit,
    "quit": _quit,
    "allocate": _allocate,
    "allocate-carelessly": _allocate_carelessly,
    "out-of-memory": _out_of_memory,
    "key-error": _key_error,
    "image-error": _image_error,
    "request-error": _request_error,
    "two-arguments": _two_arguments,
    "close-descriptors": _close_descriptors,
    "facts": _facts,
    "print": _print,
}


class Solid(WholePlan):
    """A plan that is done whole, and its name."""

    def __init__(self, name: str, fault: str = "") -> None:
        self.name = name
        self.fault = fault


def whole(plan: Solid, heartbeat: Heartbeat) -> str:
    heartbeat.at(0)
    if plan.fault:
        fail(plan.fault)
    heartbeat.done()
    return plan.name


VALUES: Mapping[str, Callable[[], object]] = {"closed": Closed, "breaking": Breaking, "big": lambda: bytes(3_000_000)}


def opencv_threads(plan: Work, heartbeat: Heartbeat) -> int:
    import cv2

    return cv2.getNumThreads()
