"""The commands on a spec: each takes a request and returns what was done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from imgprep.audit.base import Report
from imgprep.commands import auditing
from imgprep.commands.pipeline import Pipeline, Written
from imgprep.commands.session import Request, machine_for
from imgprep.errors import RequestError


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of all stages.

    Attributes:
        report: of the audit.
        stages: what was written, in order; empty when the audit stopped the run.
    """

    report: Report
    stages: tuple[Written, ...] = ()


def audit(request: Request) -> auditing.Audited:
    """Judges the collection by its rules; see `auditing.audit`."""
    loaded = request.load()
    with machine_for(request, loaded) as machine:
        return auditing.audit(loaded, machine, Pipeline(loaded, machine))


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
            raise RequestError(f"{request.spec}: augment: the section is missing; add it to say which images to make")
        return written

    return _stage(request, made)


def pack(request: Request) -> Written:
    """Writes normalised, shuffled shards for every split."""
    return _stage(request, lambda pipeline: pipeline.pack)


def run(request: Request, *, gate: bool = True) -> Run:
    """Everything in order, the audit first.

    Args:
        request: what to run.
        gate: whether a failed audit ends the run.
    """
    loaded = request.load()
    with machine_for(request, loaded) as machine:
        pipeline = Pipeline(loaded, machine)
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
