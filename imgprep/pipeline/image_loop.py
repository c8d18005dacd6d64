"""The loop of a worker over the images of a plan: an image that cannot be used is a value, not an exception."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, ParamSpec, TypeVar

from imgprep.engines.base import Heartbeat
from imgprep.errors import ImageError, TransientError
from imgprep.pipeline.image_reader import NO_MEMORY
from imgprep.table.sample import Sample

P = ParamSpec("P")
R = TypeVar("R")
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


def _nothing(item: int, sample: Sample) -> None:
    """No result is known."""


def over_images(
    samples: Iterable[Sample],
    excluded: Mapping[int, str],
    heartbeat: Heartbeat,
    process: Callable[[Sample], R],
    known: Callable[[int, Sample], R | None] = _nothing,
) -> Iterator[tuple[int, Sample, R | Fault]]:
    """Processes one image after another.

    Args:
        samples: of the plan.
        excluded: item -> reason, of items that ended a worker or exceeded the deadline: they are not processed again.
        heartbeat: receives the index of the item being processed.
        process: reads and processes one image; called for usable samples only.
        known: gives the result of an item of which it is known, so that it is not processed; also for those only.

    Yields:
        The number of each item, its sample, and its result or fault.
    """
    for item, sample in counted(samples, heartbeat):
        if item in excluded:
            # Another run may have more time or memory.
            yield item, sample, Fault(excluded[item], transient=sample.status == "ok")
        elif sample.status != "ok":
            yield item, sample, Fault(sample.reason)
        elif (found := known(item, sample)) is not None:
            yield item, sample, found
        else:
            yield item, sample, attempt(process, sample)


def attempt(process: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | Fault:
    """The result of a call, or its fault where the image cannot be used or memory does not suffice."""
    try:
        return process(*args, **kwargs)
    except ImageError as error:
        return Fault(str(error), transient=isinstance(error, TransientError))
    except MemoryError:
        return Fault(NO_MEMORY, transient=True)
