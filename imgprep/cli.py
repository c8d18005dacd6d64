"""The commands of the command line: each parses its options, calls one function, prints and gives its exit code.

Commands import what they need when they run, so that ``--help`` and completion are quick.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from imgprep.cli_audit import FAILED, audit, review
from imgprep.cli_options import (
    Asked,
    Draws,
    DryRun,
    Folder,
    Force,
    Format,
    Found,
    Gate,
    Images,
    NewSpec,
    Overwrite,
    Sheet,
    Workers,
    asked,
    takes,
    warm_up,
    watched,
)
from imgprep.commands.stages import STAGES, Stage
from imgprep.terminal import Terminal

QUARANTINED: Final = 3

app = typer.Typer(
    name="imgprep",
    help="Turns a collection of images into verified, machine-learning-ready shards.",
    epilog="Start with: imgprep init FOLDER",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


@app.command()
@takes(watched)
def init(terminal: Terminal, images: Found, spec: NewSpec = None, force: Overwrite = False) -> int:
    """Recognises a collection and writes a commented spec."""
    from imgprep.commands import starting

    written = starting.init(images, spec, force=force)
    terminal.print(str(written))
    terminal.say(f"look through it, then: imgprep run {written}")
    return 0


app.command()(audit)
app.command()(review)


def _add(stage: Stage) -> None:
    """Adds the command of a stage; all stages take the same options."""

    @app.command(stage.name, help=stage.summary)
    @takes(asked)
    def command(given: Asked, dry_run: DryRun = False, force: Force = False) -> int:
        if dry_run:
            return _plan(given, stage.name)
        warm_up()
        from imgprep.commands import main

        with given.terminal as terminal:
            result = main.make(given.request(force=force), stage.name)
        terminal.stages([result])
        return QUARANTINED if result.too_many_quarantined else 0


for _each in STAGES.values():
    _add(_each)


@app.command("run")
@takes(asked)
def run_all(given: Asked, gate: Gate = True, dry_run: DryRun = False, force: Force = False) -> int:
    """Does all of it in order, the audit first."""
    if dry_run:
        return _plan(given, [*STAGES][-1])
    warm_up()
    from imgprep.commands import auditing, main

    with given.terminal as terminal:
        done = main.run(given.request(force=force), gate=gate)
    if not done.stages:
        terminal.print(auditing.render(done.report, "text", color=terminal.color, width=terminal.width))
        terminal.say("the audit failed, so nothing was converted; mend the collection, or go on with --no-gate")
        return FAILED
    terminal.summary(done)
    return QUARANTINED if done.stages[0].too_many_quarantined else 0


def _plan(given: Asked, stage: str) -> int:
    """Says what a stage would do."""
    from imgprep.commands import planning

    with given.terminal as terminal:
        terminal.print(planning.plan(given.request(), stage).text())
    return 0


@app.command()
@takes(watched)
def verify(
    terminal: Terminal,
    folder: Folder,
    report_format: Annotated[Format, typer.Option("--format", help="How differences are printed.")] = Format.TEXT,
    workers: Workers = None,
) -> int:
    """Re-reads a dataset and compares every row."""
    from imgprep.commands import inspecting

    with terminal:
        checked = inspecting.verify(folder, workers, terminal)
    terminal.print(checked.json() if report_format is Format.JSON else checked.text())
    return 0 if checked.passed else FAILED


@app.command()
@takes(asked)
def repair(given: Asked) -> int:
    """Verifies finished stages and rebuilds damaged shards."""
    warm_up()
    from imgprep.commands import repairing

    with given.terminal as terminal:
        repaired = repairing.repair(given.request())
    terminal.print(repaired.text())
    return 0 if repaired.passed else FAILED


@app.command()
@takes(watched)
def show(
    terminal: Terminal,
    folder: Folder,
    report_format: Annotated[Format, typer.Option("--format", help="How it is printed.")] = Format.TEXT,
) -> int:
    """Shows what a dataset holds and what it is made from."""
    from imgprep.commands import inspecting

    stages = inspecting.show(folder)
    if report_format is Format.JSON:
        terminal.print(inspecting.json_of(stages))
    else:
        terminal.datasets(stages)
    return 0


@app.command()
@takes(asked)
def preview(given: Asked, sheet: Sheet = Path("preview.png"), images: Images = 2, draws: Draws = 4) -> int:
    """Draws a contact sheet of what the spec does to some images."""
    warm_up()
    from imgprep.commands import previewing

    with given.terminal as terminal:
        drawn = previewing.preview(given.request(), sheet, previewing.Amount(images, draws))
        for note in drawn.notes:
            terminal.note(note)
    terminal.print(str(drawn.path))
    return 0


@app.command()
@takes(watched)
def schema(terminal: Terminal) -> int:
    """Prints the JSON Schema of the spec, for editors."""
    import json

    from imgprep.spec.schema import json_schema

    terminal.print(json.dumps(json_schema(), indent=2))
    return 0


@app.command()
@takes(watched)
def doctor(terminal: Terminal) -> int:
    """Shows versions, cores, memory and what is missing."""
    from imgprep.commands import inspecting

    facts = inspecting.doctor()
    terminal.facts(facts.lines)
    for problem in facts.problems:
        terminal.say(problem)
    return 5 if facts.problems else 0
