"""Defines engines: they run a function over plans, and a plan's failure is a value.

The three engines share the settings, the counting of items, and how errors are turned into values.
"""

import math
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar

from imgprep.errors import ImgprepError, ResourceError, check_surroundings, one_line
from imgprep.util.resources import available_cores

NOTHING: Final = -1
TICK: Final = 0.1
OUT_OF_MEMORY: Final = "out of memory; raise execution.memory_limit or use a smaller image"


class Plan(Protocol):
    """A piece of work of numbered items; picklable and small."""

    @property
    def size(self) -> int:
        """The number of items."""
        ...

    def excluding(self, item: int, reason: str) -> Self:
        """The same plan with one item marked as unusable, and the one-line reason."""
        ...

    def starting_at(self, item: int) -> Self | None:
        """The same plan with all items before this one marked as unusable; None when it is done whole or not at all.

        What is made of it is not kept: it is to find out which items the rest of the plan cannot be done with.
        """
        ...


class WholePlan:
    """A plan that is done whole or not at all: an item that kills a worker fails it."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """One: see `Plan`."""
        return 1

    def excluding(self, item: int, reason: str) -> Self:
        """The same plan: see `Plan`."""
        return self

    def starting_at(self, item: int) -> Self | None:
        """None: see `Plan`."""
        return None


class Heartbeat(Protocol):
    """Tells the engine which item of the plan the function is at."""

    def at(self, item: int) -> None:
        """Starts an item (0 or more) and its deadline; the item before it is finished.

        Items that the plan excludes are announced too, so that progress adds up.
        """
        ...

    def done(self) -> None:
        """Finishes the current item; from here on (writing the shard) there is no deadline.

        The function writes nothing before it: where a plan is only tried out, this does not return.
        """
        ...


class Abandoned(BaseException):
    """Unwinds a function whose result is no longer needed; no `Exception`, so that the function does not handle it."""


P = TypeVar("P", bound=Plan)
R = TypeVar("R")
P_contra = TypeVar("P_contra", bound=Plan, contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Function(Protocol[P_contra, R_co]):
    """The function to run over the plans; for the engine `processes` it is picklable, from an importable module."""

    def __call__(self, plan: P_contra, heartbeat: Heartbeat, /) -> R_co:
        """Does the work of one plan."""
        ...


class Outcome(NamedTuple, Generic[P, R]):
    """The result or failure of one plan.

    Attributes:
        plan: the plan as it was given, also when items had to be excluded.
        value: what the function returned.
        error: why there is no value: an `ImgprepError` of the class that was raised, or a `FunctionError`. The
            traceback is a note of the error.
    """

    plan: P
    value: R | None
    error: Exception | None


class WorkerError(ResourceError):
    """Workers died of a plan again and again."""


class FunctionError(Exception):
    """The function raised something that is no `ImgprepError`: a defect of the program; its note is the traceback."""


class Runner(Protocol):
    """Runs plans; all that most callers need of an engine."""

    def run(
        self, function: Function[P, R], plans: Iterable[P], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[P, R]]:
        """Runs the function over the plans.

        Args:
            function: called with a plan and a heartbeat.
            plans: consumed lazily; at most three for each worker are in flight.
            progress: called about 10 times a second with the number of newly finished items. An item that is done
                again, because its plan had to be tried again, does not count twice.

        Yields:
            One outcome for every plan, in order of completion. Closing the iterator ends the workers.
        """
        ...


class Engine(Runner, Protocol):
    """Runs plans in this process, in threads or in worker processes."""

    def prepare(self) -> None:
        """Announces plans, so that slow parts can start early."""
        ...

    def close(self) -> None:
        """Ends what was kept for the next run."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """Options common to all engines.

    Attributes:
        workers: how many plans are run at a time.
        item_timeout: seconds that one item may take; only the engine `processes` can enforce it.
        memory_limit: bytes that one worker may allocate; only the engine `processes` can enforce it.
        address: of the scheduler of a cluster; '' where there is none. Only the engine `dask` has one.
    """

    workers: int = field(default_factory=available_cores)
    item_timeout: float = 30.0
    memory_limit: int = 2 << 30
    address: str = ""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers: {self.workers}: at least 1 is needed")
        if not 0 < self.item_timeout < math.inf:
            raise ValueError(f"item_timeout: {self.item_timeout}: a positive number of seconds is needed")
        if self.memory_limit < 1:
            raise ValueError(f"memory_limit: {self.memory_limit}: a positive number of bytes is needed")


class InProcess(Settings):
    """The common part of engines that need nothing but the process they are called in."""

    __slots__ = ()

    def prepare(self) -> None:
        """Nothing: see `Engine.prepare`."""

    def close(self) -> None:
        """Nothing: see `Engine.close`."""


class ItemCounter:
    """A heartbeat that only counts.

    Attributes:
        item: the current item; negative when there is none.
        finished: how many items of the plan are finished.
    """

    __slots__ = ("finished", "item")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Starts a plan, or the same plan once more."""
        self.item = NOTHING
        self.finished = 0

    def at(self, item: int) -> None:
        """Finishes the current item and starts the next."""
        if self.item >= 0:
            self.finished += 1
        self.item = item

    def done(self) -> None:
        """Finishes the current item."""
        self.release()

    def release(self) -> None:
        """The same, for the engine itself: it returns whatever the plan is done for."""
        if self.item >= 0:
            self.finished += 1
        self.item = NOTHING


class ProgressCounter:
    """Counts the finished items of one plan over all attempts, and reports them."""

    __slots__ = ("_counted", "_progress")

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._counted = 0

    def update(self, finished: int) -> None:
        """Tells how many items are finished in the present try."""
        new = finished - self._counted
        if new > 0:
            self._counted = finished
            if self._progress is not None:
                self._progress(new)


def run_plan(function: Function[P, R], plan: P, heartbeat: ItemCounter) -> Outcome[P, R]:
    """Runs the function over one plan, as often as items exhaust the memory; each costs the plan that item."""
    given, excluded = plan, set[int]()
    while True:
        heartbeat.begin()
        try:
            outcome = Outcome[P, R](given, function(plan, heartbeat), None)
        except MemoryError as error:
            item = heartbeat.item
            if item >= 0 and item not in excluded:
                heartbeat.release()
                excluded.add(item)
                plan = plan.excluding(item, OUT_OF_MEMORY)
                continue
            outcome = Outcome(given, None, as_failure(error))
        except Exception as error:  # noqa: BLE001  a failure is a value, whatever it is
            outcome = Outcome(given, None, as_failure(error))
        heartbeat.release()
        return outcome


def as_failure(error: Exception) -> Exception:
    """Makes the error a value; the traceback is a note.

    Ours stays as it is, a full disk and the like becomes a `ResourceError`, any other a `FunctionError`.
    """
    text = "".join(traceback.format_exception(error)).rstrip()
    failure: Exception = error if isinstance(error, ImgprepError) else FunctionError(describe(error))
    try:
        check_surroundings(error)
    except ResourceError as of_surroundings:
        failure = of_surroundings
    failure.add_note(text)
    return failure


def describe(error: BaseException) -> str:
    """One line: class and message."""
    message = one_line(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """OpenCV's own threads are off inside: the plans already fill the cores."""
    import cv2  # noqa: PLC0415  only those who run something in this process pay for the import

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
