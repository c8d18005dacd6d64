"""The command line: each command parses its options, calls one function, prints and returns its exit code.

Commands import their modules when they run, so that ``--help`` and completion are quick.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgprep.cli import completion
from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.exports import export
from imgprep.cli.help import Command, Group
from imgprep.cli.options import (
    Baseline,
    Draws,
    DryRun,
    Folder,
    Force,
    Format,
    Found,
    Gate,
    Images,
    LabelColumn,
    LabelFrom,
    Layout,
    NewSpec,
    Overwrite,
    Sheet,
    SpecOptions,
    Splits,
    Workers,
    display_options,
    shared_options,
    spec_options,
)
from imgprep.cli.quality import audit, curate
from imgprep.cli.recording import Repeatable
from imgprep.cli.review import review
from imgprep.cli.serving import diff, preprocess
from imgprep.cli.terminal import Terminal
from imgprep.pipeline.stage import Stage
from imgprep.stages import STAGES

if TYPE_CHECKING:
    from imgprep.commands.inspect import Checked
    from imgprep.commands.status import Status

app = typer.Typer(
    cls=Group,
    name="imgprep",
    help="Turns a collection of images into verified, machine-learning-ready shards.",
    epilog="Start with: imgprep init FOLDER",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


add = functools.partial(app.command, cls=Command)


def _version(value: bool) -> None:
    if value:
        from imgprep.version import __version__

        typer.echo(f"imgprep {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Prints the version.")
    ] = False,
) -> None:
    """Turns a collection of images into verified, machine-learning-ready shards."""


@add()
@shared_options(display_options)
def init(
    terminal: Terminal,
    images: Found,
    spec: NewSpec = None,
    force: Overwrite = False,
    layout: Layout = None,
    splits: Splits = None,
    label: LabelColumn = None,
    label_from: LabelFrom = None,
) -> int:
    """Recognises a collection and writes a commented spec."""
    from imgprep.commands import init as starting
    from imgprep.commands.init_answers import Answers

    started = starting.init(images, spec, force=force, answers=Answers(layout, tuple(splits or ()), label, label_from))
    for note in started.notes:
        terminal.say(note)
    terminal.print(str(started.spec))
    terminal.say(f"look through it, then: imgprep {started.command} {started.spec}")
    return ExitCode.DONE


add()(audit)
add()(curate)
add()(review)


def _add(stage: Stage) -> None:
    """Adds the command of a stage; all stages take the same options."""

    @add(stage.name, help=stage.summary)
    @shared_options(spec_options)
    def command(given: SpecOptions, dry_run: DryRun = False, force: Force = False) -> int:
        if dry_run:
            return _plan(given, stage.name)
        from imgprep.commands import main

        with given.terminal as terminal:
            result = main.make(given.request(force=force), stage.name)
        terminal.stages([result])
        return Repeatable(ExitCode.QUARANTINED if result.too_many_quarantined else ExitCode.DONE, given)


for _each in STAGES.values():
    _add(_each)


@add("run")
@shared_options(spec_options)
def run_all(
    given: SpecOptions, gate: Gate = True, baseline: Baseline = None, dry_run: DryRun = False, force: Force = False
) -> int:
    """Does all of it in order, the audit first."""
    if dry_run:
        return _plan(given)
    from imgprep.commands import main

    with given.terminal as terminal:
        done = main.run(given.request(force=force), gate=gate, baseline=baseline)
    reads = () if baseline is None else (baseline,)
    if not done.stages:
        terminal.report(done.report)
        terminal.say("the audit failed, so nothing was converted; fix the collection, or continue with --no-gate")
        return Repeatable(ExitCode.FAILED, given, reads)
    terminal.summary(done)
    return Repeatable(ExitCode.QUARANTINED if done.stages[0].too_many_quarantined else ExitCode.DONE, given, reads)


@add()
@shared_options(spec_options)
def work(
    given: SpecOptions,
    stage: Annotated[
        str,
        typer.Option(
            metavar="STAGE",
            help="The stage: convert, augment, pack or features.",
            autocompletion=completion.stages_with_shards,
        ),
    ],
    part: Annotated[str, typer.Option(metavar="I/N", help="Which of N parts, from 1.")],
    force: Force = False,
) -> int:
    """Makes a share of the shards of a stage, beside other machines."""
    from imgprep.commands import main

    with given.terminal as terminal:
        done = main.work(given.request(force=force), stage, part)
    terminal.tell(done.text())
    return ExitCode.DONE


@add()
@shared_options(spec_options)
def status(
    given: SpecOptions,
    report_format: Annotated[Format, typer.Option("--format", help="How it is printed.")] = Format.TEXT,
) -> int:
    """Says what is up to date, and why the rest is not."""
    from imgprep.commands import status

    with given.terminal as terminal:
        found = status.status(given.request())
    _print(terminal, found, report_format)
    return ExitCode.DONE if found.up_to_date else ExitCode.FAILED


def _print(terminal: Terminal, found: "Status | Checked", report_format: Format) -> None:
    if report_format is Format.JSON:
        terminal.print(found.json())
    else:
        terminal.tell(found.text())


def _plan(given: SpecOptions, stage: str | None = None) -> int:
    """Prints the estimate of a stage and those before it, or of all."""
    from imgprep.commands import dry_run

    with given.terminal as terminal:
        terminal.tell(dry_run.plan(given.request(), stage).text())
    return ExitCode.DONE


@add()
@shared_options(display_options)
def verify(
    terminal: Terminal,
    folder: Folder,
    report_format: Annotated[Format, typer.Option("--format", help="How differences are printed.")] = Format.TEXT,
    workers: Workers = None,
) -> int:
    """Re-reads a dataset and compares every row."""
    from imgprep.commands import inspect as inspecting

    with terminal:
        checked = inspecting.verify(folder, workers, terminal)
    _print(terminal, checked, report_format)
    return ExitCode.DONE if checked.passed else ExitCode.FAILED


@add()
@shared_options(spec_options)
def repair(given: SpecOptions) -> int:
    """Verifies finished stages and rebuilds damaged shards."""
    from imgprep.commands import repair as repairing

    with given.terminal as terminal:
        repaired = repairing.repair(given.request())
    terminal.tell(repaired.text())
    return ExitCode.DONE if repaired.passed else ExitCode.FAILED


@add()
@shared_options(display_options)
def show(
    terminal: Terminal,
    folder: Folder,
    report_format: Annotated[Format, typer.Option("--format", help="How it is printed.")] = Format.TEXT,
) -> int:
    """Shows what a dataset holds and what it is made from."""
    from imgprep.commands import inspect as inspecting

    stages = inspecting.show(folder)
    if report_format is Format.JSON:
        terminal.print(inspecting.json_of(stages))
    else:
        terminal.datasets(stages)
    return ExitCode.DONE


@add()
@shared_options(spec_options)
def preview(given: SpecOptions, sheet: Sheet = Path("preview.png"), images: Images = 2, draws: Draws = 4) -> int:
    """Draws a contact sheet of what the spec does to some images."""
    from imgprep.commands import preview as previewing

    with given.terminal as terminal:
        drawn = previewing.preview(given.request(), sheet, previewing.Amount(images, draws))
        for note in drawn.notes:
            terminal.note(note)
    terminal.print(str(drawn.path))
    return ExitCode.DONE


add()(preprocess)
add()(diff)
add()(export)


@add()
@shared_options(display_options)
def schema(terminal: Terminal) -> int:
    """Prints the JSON Schema of the spec, for editors."""
    import json

    from imgprep.spec.schema import json_schema

    terminal.print(json.dumps(json_schema(), indent=2))
    return ExitCode.DONE


@add()
@shared_options(display_options)
def doctor(terminal: Terminal) -> int:
    """Shows versions, cores, memory and what is missing."""
    from imgprep.commands import inspect as inspecting

    facts = inspecting.doctor()
    terminal.facts(facts.lines)
    for problem in facts.problems:
        terminal.say(problem)
    return ExitCode.SURROUNDINGS if facts.problems else ExitCode.DONE
