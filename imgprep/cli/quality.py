"""The commands about the quality of a collection."""

from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.options import (
    AuditStage,
    Baseline,
    Force,
    Reference,
    ReportFormat,
    ReviewTable,
    Sample,
    SpecOptions,
    Stage,
    shared_options,
    spec_options,
)


@shared_options(spec_options)
def audit(
    given: SpecOptions,
    report_format: ReportFormat = "text",
    stage: Stage = AuditStage.SOURCE,
    baseline: Baseline = None,
    reference: Reference = None,
    force: Force = False,
) -> int:
    """Judges the collection by its rules."""
    from imgprep.commands import audit as auditing
    from imgprep.commands import main

    auditing.check_format(report_format)
    with given.terminal as terminal:
        audited = main.audit(given.request(force=force), auditing.Choice(stage.value, baseline, reference))
    if report_format == "html":
        terminal.print(auditing.page_of(audited))
    else:
        terminal.print(auditing.render(audited.report, report_format, color=terminal.color, width=terminal.width))
    return ExitCode.DONE if audited.report.passed else ExitCode.FAILED


@shared_options(spec_options)
def review(given: SpecOptions, sample: Sample, table: ReviewTable = None, force: Force = False) -> int:
    """Draws images for a second person to label."""
    from imgprep.commands import main

    with given.terminal as terminal:
        drawn = main.review(given.request(force=force), sample, table)
    terminal.print(drawn.text())
    return ExitCode.DONE
