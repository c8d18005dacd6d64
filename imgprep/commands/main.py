"""The commands on a spec: each takes a request and returns what was done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from imgprep.commands.pipeline import Pipeline, Written
from imgprep.commands.session import Request, machine_for
from imgprep.errors import RequestError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgprep.audit.base import Report
    from imgprep.commands.auditing import Audited, Choice
    from imgprep.commands.reviewing import Drawn


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of all stages.

    Attributes:
        report: of the audit.
        stages: what was written, in order; empty when the audit stopped the run.
    """

    report: "Report"
    stages: tuple[Written, ...] = ()


def audit(request: Request, choice: "Choice | None" = None) -> "Audited":
    """Judges the collection, or what a stage has made of it, by its rules; see `auditing.audit`."""
    from imgprep.commands import auditing

    loaded = request.load()
    with machine_for(request, loaded) as machine:
        return auditing.audit(loaded, machine, Pipeline(loaded, machine), choice or auditing.DEFAULT)


def review(request: Request, size: int, table: Path | None = None) -> "Drawn":
    """Draws a random sample for a second person to label; see `reviewing.review`."""
    from imgprep.commands import reviewing

    loaded = request.load()
    with machine_for(request, loaded) as machine:
        return reviewing.review(loaded, machine, size, table)


def convert(request: Request) -> Written:
    """Decodes, sizes and pre-processes every image of the source."""
    return _stage(request, lambda pipeline: pipeline.convert)


def split(request: Request) -> Written:
    """Gives every image its split."""
    return _stage(request, lambda pipeline: pipeline.split)


def augment(request: Request) -> Written:
    """Makes new training images from old ones, and stress sets.

    Raises:
        RequestError: the spec has no augment section.
    """

    def made(pipeline: Pipeline) -> Written:
        written = pipeline.augment
        if written is None:
            raise _no_augment(request)
        return written

    return _stage(request, made)


def rebuild(request: Request, id_: str) -> "NDArray[Any]":
    """Makes one augmented image alone, from the seed, its parent and its number.

    Args:
        request: the spec.
        id_: of the image: ``apple/0001.jpg#3``.

    Returns:
        (H, W, C) the pixels, as the augment stage stores them.

    Raises:
        RequestError: the spec has no augment section, or it makes no such image.
    """
    loaded = request.load()
    section = loaded.spec.augment
    if section is None:
        raise _no_augment(request)
    with machine_for(request, loaded) as machine:
        return Pipeline(loaded, machine).augmentation(section).rebuild(id_)


def _no_augment(request: Request) -> RequestError:
    return RequestError(f"{request.spec}: augment: the section is missing; add it to say which images to make")


def pack(request: Request) -> Written:
    """Writes normalised, shuffled shards for every split."""
    return _stage(request, lambda pipeline: pipeline.pack)


def run(request: Request, *, gate: bool = True) -> Run:
    """Everything in order, the audit first.

    Args:
        request: what to run.
        gate: whether a failed audit ends the run.
    """
    from imgprep.commands import auditing

    loaded = request.load()
    with machine_for(request, loaded) as machine:
        pipeline = Pipeline(loaded, machine)
        pipeline.check()
        report = auditing.audit(loaded, machine, pipeline).report
        if gate and not report.passed:
            return Run(report)
        stages = (pipeline.convert, pipeline.split, pipeline.augment, pipeline.pack)
        return Run(report, tuple(stage for stage in stages if stage is not None))


STAGES: Final[Mapping[str, Callable[[Request], Written]]] = MappingProxyType(
    {"convert": convert, "split": split, "augment": augment, "pack": pack}
)


def _stage(request: Request, choose: Callable[[Pipeline], Written]) -> Written:
    loaded = request.load()
    with machine_for(request, loaded) as machine:
        return choose(Pipeline(loaded, machine))
