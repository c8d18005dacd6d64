"""The commands about the quality of a collection."""

from typing import Final

from imgprep.cli_options import (
    Asked,
    AuditStage,
    Baseline,
    Force,
    Reference,
    ReportFormat,
    ReviewTable,
    Sample,
    Stage,
    asked,
    takes,
    warm_up,
)

FAILED: Final = 1


@takes(asked)
def audit(
    given: Asked,
    report_format: ReportFormat = "text",
    stage: Stage = AuditStage.SOURCE,
    baseline: Baseline = None,
    reference: Reference = None,
    force: Force = False,
) -> int:
    """Judges the collection by its rules."""
    warm_up()
    from imgprep.commands import auditing, main

    auditing.check_format(report_format)
    with given.terminal as terminal:
        audited = main.audit(given.request(force=force), auditing.Choice(stage.value, baseline, reference))
    if report_format == "html":
        terminal.print(auditing.page_of(audited))
    else:
        terminal.print(auditing.render(audited.report, report_format, color=terminal.color, width=terminal.width))
    return 0 if audited.report.passed else FAILED


@takes(asked)
def review(given: Asked, sample: Sample, table: ReviewTable = None, force: Force = False) -> int:
    """Draws images for a second person to label."""
    warm_up()
    from imgprep.commands import main

    with given.terminal as terminal:
        drawn = main.review(given.request(force=force), sample, table)
    terminal.print(drawn.text())
    return 0
