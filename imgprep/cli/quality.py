"""The commands about the quality of a collection."""

from imgprep.cli.browser import browser_shows
from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.options import (
    AuditStage,
    Baseline,
    DecisionTable,
    DryRun,
    Everything,
    Force,
    OpenPage,
    Reference,
    ReportFormat,
    RuleActions,
    SpecOptions,
    Stage,
    found_spec_options,
    shared_options,
    spec_options,
)
from imgprep.cli.recording import Repeatable


@shared_options(found_spec_options)
def audit(
    given: SpecOptions,
    report_format: ReportFormat = "text",
    stage: Stage = AuditStage.SOURCE,
    baseline: Baseline = None,
    reference: Reference = None,
    force: Force = False,
    show: OpenPage = False,
    everything: Everything = False,
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
        terminal.report(audited.report, report_format, everything=everything)
    given.terminal.say(f"the page is {audited.page}, every measure of each image {audited.folder / auditing.TABLE}")
    if show and not browser_shows(audited.page.absolute().as_uri()):
        given.terminal.say(f"no browser could be started here; open {audited.page.absolute().as_uri()} in one")
    code = ExitCode.DONE if audited.report.passed else ExitCode.FAILED
    if show or reference is not None:  # the browser is opened each time, and a reference has a spec of its own
        return code
    return Repeatable(code, given, () if baseline is None else (baseline,))


@shared_options(spec_options)
def curate(given: SpecOptions, table: DecisionTable = None, rule: RuleActions = None, dry_run: DryRun = False) -> int:
    """Proposes decisions from the last audit. They say which images to exclude, label anew or keep."""
    from imgprep.commands import main
    from imgprep.commands.curate import Plan

    with given.terminal as terminal:
        curated = main.curate(given.request(), Plan(table, tuple(rule or ()), dry_run))
    terminal.tell(curated.text(terminal.width))
    return ExitCode.DONE
