"""The loop of a worker over the images of a plan: an image that cannot be used is a value, not an exception."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from typing import NamedTuple, ParamSpec, TypeVar

from imgprep.engines.base import Heartbeat
from imgprep.errors import ImageError, TransientError
from imgprep.pipeline.image_reader import NO_MEMORY
from imgprep.table.sample import Sample

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Sized)
T = TypeVar("T")


class Fault(NamedTuple):
    """The reason why an image cannot be used.

    Attributes:
        reason: for people, one line.
        transient: whether another run may succeed, with more time, memory or luck with the network.
    """

    reason: str
    transient: bool = False


def counted(items: Iterable[T], heartbeat: Heartbeat) -> Iterator[tuple[int, T]]:
    """Numbers items, announcing each before it is processed, and the end after the last one."""
    for item, value in enumerate(items):
        heartbeat.at(item)
        yield item, value
    heartbeat.done()


def in_runs(
    items: Iterable[T], heartbeat: Heartbeat, known: Callable[[int, T], S | None] | None
) -> Iterator[tuple[int, Sequence[T], S | None]]:
    """Yields items one by one, or those at once whose results are known; each is announced as by `counted`.

    Args:
        items: of the plan.
        heartbeat: receives the index of the first item before it is yielded, and of the others after it.
        known: gives the results of an item and of those behind it, as many as are known; None where that is none. None
            where nothing is known at all.

    Yields:
        The number of the first item, the items, and what is known of them.
    """
    if known is None:
        for item, value in counted(items, heartbeat):
            yield item, (value,), None
        return
    numbered = enumerate(items)
    for item, value in numbered:
        heartbeat.at(item)
        results = known(item, value)
        more = 0 if results is None else len(results) - 1
        yield item, [value, *(other for _, other in islice(numbered, more))], results
        for other in range(item + 1, item + 1 + more):
            heartbeat.at(other)
    heartbeat.done()


def over_images(
    samples: Iterable[Sample], excluded: Mapping[int, str], heartbeat: Heartbeat, process: Callable[[Sample], R]
) -> Iterator[tuple[int, Sample, R | Fault]]:
    """Processes one image after another.

    Args:
        samples: of the plan.
        excluded: see `outcome`.
        heartbeat: receives the index of the item being processed.
        process: reads and processes one image; called for usable samples only.

    Yields:
        The number of each item, its sample, and its result or fault.
    """
    for item, sample in counted(samples, heartbeat):
        yield item, sample, outcome(item, sample, excluded, process)


def outcome(item: int, sample: Sample, excluded: Mapping[int, str], process: Callable[[Sample], R]) -> R | Fault:
    """The result of one image, or its fault.

    Args:
        item: its number in the plan.
        sample: the image.
        excluded: item -> reason, of items that ended a worker or exceeded the deadline: they are not processed again.
        process: reads and processes it; called for a usable sample only.
    """
    if item in excluded:
        # Another run may have more time or memory.
        return Fault(excluded[item], transient=sample.status == "ok")
    if sample.status != "ok":
        return Fault(sample.reason)
    return attempt(process, sample)


def attempt(process: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | Fault:
    """The result of a call, or its fault where the image cannot be used or memory does not suffice."""
    try:
        return process(*args, **kwargs)
    except ImageError as error:
        return Fault(str(error), transient=isinstance(error, TransientError))
    except MemoryError:
        return Fault(NO_MEMORY, transient=True)
