"""The commands about the quality of a collection, and what every command on a spec starts with."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from imgprep.options import (
    AuditStage,
    Baseline,
    Force,
    NoProgress,
    Output,
    Quiet,
    Reference,
    ReportFormat,
    ReviewTable,
    Sample,
    Seed,
    Settings,
    SpecPath,
    Stage,
    Verbose,
    Workers,
)
from imgprep.terminal import Terminal

if TYPE_CHECKING:
    from imgprep.commands.session import Request

FAILED: Final = 1


def audit(
    spec: SpecPath,
    report_format: ReportFormat = "text",
    stage: Stage = AuditStage.SOURCE,
    baseline: Baseline = None,
    reference: Reference = None,
    workers: Workers = None,
    settings: Settings = None,
    output: Output = None,
    seed: Seed = None,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> int:
    """Judges the collection by its rules."""
    warm_up()
    from imgprep.commands import auditing, main

    auditing.check_format(report_format)
    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        request = request_of(terminal, spec, settings, (output, seed), workers, force=force)
        audited = main.audit(request, auditing.Choice(stage.value, baseline, reference))
    if report_format == "html":
        terminal.print(auditing.page_of(audited))
    else:
        terminal.print(auditing.render(audited.report, report_format, color=terminal.color, width=terminal.width))
    return 0 if audited.report.passed else FAILED


def review(
    spec: SpecPath,
    sample: Sample,
    table: ReviewTable = None,
    workers: Workers = None,
    settings: Settings = None,
    output: Output = None,
    seed: Seed = None,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> int:
    """Draws images for a second person to label."""
    warm_up()
    from imgprep.commands import main

    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        request = request_of(terminal, spec, settings, (output, seed), workers, force=force)
        drawn = main.review(request, sample, table)
    terminal.print(drawn.text())
    return 0


def warm_up() -> None:
    """Starts the process that workers come from, so that it imports OpenCV while this one imports the rest."""
    from imgprep.engines import warm_up as start

    start()


def request_of(
    terminal: Terminal,
    spec: Path,
    settings: list[str] | None,
    replaced: tuple[Path | None, int | None],
    workers: int | None,
    *,
    force: bool = False,
) -> "Request":
    """What the options ask for; ``replaced`` are the output and the seed."""
    from imgprep.commands.session import Request

    output, seed = replaced
    return Request(spec, settings or (), output, seed, workers, force, terminal)
