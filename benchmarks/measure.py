"""What a whole process costs, with all that it starts: time on the clock, of the processors, and memory."""

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
EVERY: Final = 0.05
"""Seconds between two looks at the memory."""
_ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The first round leaves modules compiled, as an installation does."""
GRACE: Final = 10.0
"""Seconds that a process may leave others behind."""


class ContenderError(Exception):
    """A command that is measured did not do its work; says why in one line."""


@dataclass(frozen=True)
class Contender:
    """A command that does a job.

    Attributes:
        name: of the program, and how it is called.
        command: the whole process.
        output: what it writes, removed after each run; None: nothing.
        environment: variables set for it.
        accepted: exit statuses that mean that the work is done.
        keeps: the output stays, so that the next run finds it up to date.
        says: its last line is a JSON object of its own "seconds" and "processor", which count instead of the whole
            process: what it measures is too short to be seen beside its start.
    """

    name: str
    command: tuple[str, ...]
    output: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    accepted: tuple[int, ...] = (0,)
    keeps: bool = False
    says: bool = False


@dataclass(frozen=True)
class Spent:
    """What one run took.

    Attributes:
        clock: seconds.
        processor: seconds of all processors, in user and system mode, of the process and its descendants.
        others: share of the machine's processors that other programs took meanwhile; None: not known here.
        peak: MiB of all processes together at most; None: not looked at.
        largest: MiB of the largest process at most; None: not looked at.
    """

    clock: float
    processor: float
    others: float | None = None
    peak: float | None = None
    largest: float | None = None


@contextmanager
def adopting() -> Iterator[None]:
    """Makes descendants whose parent is gone children of this process, so that their time counts (Linux)."""
    set_ = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "prctl")
    if set_:
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        if set_:
            ctypes.CDLL(None).prctl(SUBREAPER, 0, 0, 0, 0)


def run(contender: Contender, patience: float, *, memory: bool = False) -> Spent:
    """Runs a command to its end; what it wrote is removed.

    Raises:
        ContenderError: it fails, takes longer than `patience` seconds, or writes nothing.
    """
    if contender.output is not None and not contender.keeps:
        shutil.rmtree(contender.output, ignore_errors=True)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        spent = _spent(contender, patience, out, err, _PeakMemory() if memory else None)
        out.seek(0)
        said = out.read().decode("utf-8", "replace").strip().splitlines()
    if contender.output is not None:
        written = sum(path.stat().st_size for path in contender.output.rglob("*") if path.is_file())
        if not contender.keeps:
            shutil.rmtree(contender.output, ignore_errors=True)
        if written == 0:
            raise ContenderError("it wrote nothing")
    if not contender.says:
        return spent
    figures: dict[str, Any] = json.loads(said[-1])
    return Spent(figures["seconds"], figures["processor"], spent.others, figures.get("peak", spent.peak))


def _spent(contender: Contender, patience: float, out: Any, err: Any, peak: "_PeakMemory | None") -> Spent:
    busy, used, started = _busy(), _used(), time.perf_counter()
    process = subprocess.Popen(
        contender.command,
        env={**_ENVIRONMENT, **contender.environment},
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )
    late = threading.Timer(patience, _kill, (process.pid,))
    late.start()
    if peak is not None:
        peak.start()
    try:
        status = process.wait()
        clock = time.perf_counter() - started
    finally:
        timely = late.is_alive()
        late.cancel()
        _kill(process.pid) if sys.exc_info()[0] else _reap()
        most, largest = (None, None) if peak is None else peak.end()
    if not timely:
        raise ContenderError(f"it takes longer than {patience:g} s")
    if status not in contender.accepted:
        err.seek(0)
        lines = err.read().decode("utf-8", "replace").strip().splitlines()
        raise ContenderError(f"status {status}: {lines[-1][:300] if lines else 'it says nothing'}")
    processor = _used() - used
    whole = (os.cpu_count() or 1) * clock
    others = None if busy is None else max(0.0, ((_busy() or busy) - busy - processor) / whole)
    return Spent(clock, processor, others, most, largest)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _reap() -> None:
    """Waits for those that a process left behind, some of which end by themselves a little later."""
    end = time.monotonic() + GRACE
    with suppress(ChildProcessError):
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                if time.monotonic() > end:
                    for pid in _descendants():
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                time.sleep(0.002)


def _used() -> float:
    """Seconds of processor of all children that have been waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _busy() -> float | None:
    """Seconds that all processors together have worked since the machine started."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, soft, steal, *_ = map(int, fields)
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _descendants() -> list[int]:
    """The processes that descend from this one (Linux)."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {os.getpid()})


class _PeakMemory(threading.Thread):
    """Looks again and again at what all descendants hold: pages that several share count once (PSS)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._most = self._largest = 0.0

    def run(self) -> None:
        while not self._over.wait(EVERY):
            held = [_held(pid) for pid in _descendants()]
            self._most, self._largest = max(self._most, sum(held)), max([self._largest, *held])

    def end(self) -> tuple[float | None, float | None]:
        """MiB at most of all and of the largest; None where the system does not say."""
        self._over.set()
        self.join()
        return self._most or None, self._largest or None


def _held(pid: int) -> float:
    """MiB of a process, its share of what it shares."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
