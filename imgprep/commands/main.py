"""The commands on a spec: each takes a request and returns its outcome.

What a command needs beyond the spec is imported when the spec has been read: a wrong one is refused without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgprep.commands.session import Request, context_for, in_output
from imgprep.errors import RequestError
from imgprep.settings.problems import unknown
from imgprep.spec.loading import LoadedSpec
from imgprep.stages import STAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgprep.checks.base import Report
    from imgprep.commands.audit import Audited, Choice
    from imgprep.commands.curate import Curated, Plan
    from imgprep.commands.pipeline import Pipeline
    from imgprep.commands.review import Drawn
    from imgprep.commands.review_collect import Collected
    from imgprep.commands.review_draw import Choice as ReviewChoice
    from imgprep.pipeline.inputs import StageResult
    from imgprep.pipeline.parts import PartResult
    from imgprep.pipeline.runner import RunContext
    from imgprep.review.session import Session


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of all stages.

    Attributes:
        report: of the audit.
        stages: the finished stages, in order; empty when the audit stopped the run.
    """

    report: "Report"
    stages: "tuple[StageResult, ...]" = ()


def audit(request: Request, choice: "Choice | None" = None) -> "Audited":
    """Judges the collection, or the output of a stage, by the audit rules; see `auditing.audit`."""
    loaded = request.load()
    from imgprep.commands import audit as auditing

    with context_for(request, loaded) as context:
        return auditing.audit(loaded, context, _pipeline(loaded, context), choice or auditing.DEFAULT)


def review(request: Request, choice: "ReviewChoice") -> "Drawn":
    """Draws images for a second person to label; see `reviewing.review`."""
    from imgprep.commands import review as reviewing

    loaded = _for_review(request, choice).load()
    with context_for(request, loaded) as context:
        return reviewing.review(loaded, context, choice)


def open_review(request: Request, choice: "ReviewChoice", *, blank: bool = False) -> "Session":
    """Finds the images for a page, or continues an existing table.

    See `reviewing.open_session` and `deciding.open_decisions`.
    """
    from imgprep.commands import review as reviewing
    from imgprep.commands import review_decisions as deciding

    loaded = _for_review(request, choice).load()
    with context_for(request, loaded) as context:
        if choice.mode in deciding.MODES:
            return deciding.open_decisions(loaded, context, choice, blank=blank)
        return reviewing.open_session(loaded, context, choice, blank=blank)


def after_review(session: "Session", spec: str, choice: "ReviewChoice") -> str:
    """Progress of a review, and the next step, as text."""
    from imgprep.commands import review as reviewing
    from imgprep.commands import review_decisions as deciding

    done, path = sum(map(bool, session.answers)), session.file.path
    if choice.mode in deciding.MODES:
        return f"{path}: {done} of {len(session.answers)} questions are decided\n{deciding.next_step(path)}"
    said = f"{path}: {done} of {len(session.answers)} images are labelled"
    return f"{said}\n{reviewing.next_step(spec, path, choice.mode)}"


def collect_reviews(request: Request, tables: Sequence[Path], path: Path | None) -> "Collected":
    """Merges the tables of several reviewers; see `collecting.collect_reviews`."""
    from imgprep.commands import review_collect as collecting

    loaded = request.load()
    with context_for(request, loaded) as context:
        return collecting.collect_reviews(loaded, context, tables, path)


def _for_review(request: Request, choice: "ReviewChoice") -> Request:
    """A review of suspects has them looked for."""
    if choice.mode != "suspects":
        return request
    return replace(request, overrides=[*request.overrides, "audit.rules.label-errors.suspects=true"])


def curate(request: Request, plan: "Plan") -> "Curated":
    """Proposes decisions from the last audit; see `curating.curate`."""
    from imgprep.commands import curate as curating

    loaded = request.load()
    with context_for(request, loaded) as context:
        return curating.curate(loaded, context, plan)


def make(request: Request, name: str) -> "StageResult":
    """Brings a stage and the stages that it needs up to date.

    Args:
        request: the spec.
        name: of the stage, in `stages.STAGES`.

    Raises:
        RequestError: the spec lacks the section of an optional stage.
    """
    loaded = request.load()
    with context_for(request, loaded) as context:
        made = _pipeline(loaded, context).bring(name)
    return in_output(loaded, made)


def work(request: Request, name: str, part: str) -> "PartResult":
    """Makes a share of the shards of a stage, beside others that make theirs.

    Args:
        request: the spec.
        name: of the stage, in `stages.STAGES`.
        part: ``3/16`` for the third of sixteen parts.

    Raises:
        RequestError: there is no such part or stage, the stage has no shards, or one that it needs is not up to date.
    """
    from imgprep.pipeline.parts import Part

    share = Part.parse(part)
    if name not in STAGES:
        raise RequestError(f"--stage: {unknown('stage', name, list(STAGES))}")
    loaded = request.load()
    with context_for(request, loaded, (name, share)) as context:
        return _pipeline(loaded, context).make_part(name, share)


def rebuild(request: Request, id_: str) -> "NDArray[Any]":
    """Makes one augmented image from the seed, its parent and its copy number.

    Args:
        request: the spec.
        id_: of the image: ``apple/0001.jpg#3``.

    Returns:
        (H, W, C) the pixels, as the augment stage stores them.

    Raises:
        RequestError: the spec has no augment section, or the id is not that of a copy.
    """
    loaded = request.load()
    from imgprep.stages.augment.definition import AUGMENT

    with context_for(request, loaded) as context:
        pipeline = _pipeline(loaded, context)
        pipeline.check(pipeline.needed("augment"))
        return AUGMENT.work(pipeline).rebuild(id_)


def run(request: Request, *, gate: bool = True, baseline: Path | None = None) -> Run:
    """Runs the audit, then all stages in order.

    Args:
        request: the spec.
        gate: whether a failed audit ends the run.
        baseline: an earlier report.json; what it knows does not fail again, and may be quarantined.
    """
    loaded = request.load()
    from imgprep.checks.accepted import unreadable_in
    from imgprep.checks.reports.json import read as read_report
    from imgprep.commands import audit as auditing
    from imgprep.commands.one_visit import refuse

    known = () if baseline is None else read_report(baseline)
    with context_for(request, loaded) as context:
        pipeline = _pipeline(loaded, context, unreadable_in(known), converts=True)
        stages = pipeline.stages()
        pipeline.check(stages)
        try:
            report = auditing.audit(loaded, context, pipeline, auditing.Choice(baseline=baseline)).report
        except RequestError:
            refuse(context)
            raise
        if gate and not report.passed:
            refuse(context)
            return Run(report)
        made = [pipeline.bring(stage.name) for stage in stages]
    return Run(report, tuple(in_output(loaded, stage) for stage in made))


def _pipeline(
    loaded: LoadedSpec, context: "RunContext", unreadable: frozenset[str] = frozenset(), *, converts: bool = False
) -> "Pipeline":
    """The stages of a spec; see `Pipeline`."""
    from imgprep.commands.pipeline import Pipeline

    return Pipeline(loaded, context, unreadable, converts=converts)
