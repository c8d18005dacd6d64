"""The commands of the command line: each parses its options, calls one function, prints and gives its exit code.

Commands import what they need when they run, so that ``--help`` and completion are quick.
"""

from pathlib import Path
from typing import Annotated, Final

import typer

from imgprep.cli_audit import FAILED, audit, request_of, review, warm_up
from imgprep.options import (
    DryRun,
    Folder,
    Force,
    Format,
    Found,
    NewSpec,
    NoProgress,
    Output,
    Overwrite,
    Quiet,
    Seed,
    Settings,
    SpecPath,
    Verbose,
    Workers,
)
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
def init(
    images: Found, spec: NewSpec = None, force: Overwrite = False, quiet: Quiet = False, verbose: Verbose = False
) -> int:
    """Recognises a collection and writes a commented spec."""
    from imgprep.commands import starting

    terminal = Terminal(quiet=quiet, verbose=verbose)
    written = starting.init(images, spec, force=force)
    terminal.print(str(written))
    terminal.say(f"look through it, then: imgprep run {written}")
    return 0


app.command()(audit)
app.command()(review)


def _stage(name: str, summary: str) -> None:
    """Adds the command of a stage; all stages take the same options."""

    def command(
        spec: SpecPath,
        workers: Workers = None,
        settings: Settings = None,
        output: Output = None,
        seed: Seed = None,
        dry_run: DryRun = False,
        force: Force = False,
        quiet: Quiet = False,
        verbose: Verbose = False,
        no_progress: NoProgress = False,
    ) -> int:
        if not dry_run:
            warm_up()
        from imgprep.commands import main

        with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
            request = request_of(terminal, spec, settings, (output, seed), workers, force=force)
            if dry_run:
                from imgprep.commands import planning

                terminal.print(planning.plan(request, name).text())
                return 0
            written = main.STAGES[name](request)
        terminal.stages([written])
        return QUARANTINED if written.too_many_quarantined else 0

    app.command(name, help=summary)(command)


_stage("convert", "Decodes, sizes and pre-processes every image.")
_stage("split", "Divides the images into train, validation and test.")
_stage("augment", "Makes new training images, and stress sets.")
_stage("pack", "Writes normalised, shuffled shards for each split.")


@app.command("run")
def run_all(
    spec: SpecPath,
    gate: Annotated[bool, typer.Option("--gate/--no-gate", help="Whether a failed audit ends the run.")] = True,
    workers: Workers = None,
    settings: Settings = None,
    output: Output = None,
    seed: Seed = None,
    dry_run: DryRun = False,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> int:
    """Does all of it in order, the audit first."""
    if not dry_run:
        warm_up()
    from imgprep.commands import auditing, main

    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        request = request_of(terminal, spec, settings, (output, seed), workers, force=force)
        if dry_run:
            from imgprep.commands import planning

            terminal.print(planning.plan(request, "pack").text())
            return 0
        done = main.run(request, gate=gate)
    if not done.stages:
        terminal.print(auditing.render(done.report, "text", color=terminal.color, width=terminal.width))
        terminal.say("the audit failed, so nothing was converted; mend the collection, or go on with --no-gate")
        return FAILED
    terminal.summary(done)
    return QUARANTINED if done.stages[0].too_many_quarantined else 0


@app.command()
def verify(
    folder: Folder,
    report_format: Annotated[Format, typer.Option("--format", help="How differences are printed.")] = Format.TEXT,
    workers: Workers = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> int:
    """Re-reads a dataset and compares every row."""
    from imgprep.commands import inspecting

    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        checked = inspecting.verify(folder, workers, terminal)
    if report_format is Format.JSON:
        terminal.print(checked.json())
    else:
        terminal.print(checked.text())
    return 0 if checked.passed else FAILED


@app.command()
def repair(
    spec: SpecPath,
    workers: Workers = None,
    settings: Settings = None,
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> int:
    """Verifies finished stages and rebuilds damaged shards."""
    warm_up()
    from imgprep.commands import repairing

    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        repaired = repairing.repair(request_of(terminal, spec, settings, (output, seed), workers))
    terminal.print(repaired.text())
    return 0 if repaired.passed else FAILED


@app.command()
def show(
    folder: Folder,
    report_format: Annotated[Format, typer.Option("--format", help="How it is printed.")] = Format.TEXT,
) -> int:
    """Shows what a dataset holds and what it is made from."""
    from imgprep.commands import inspecting

    terminal = Terminal()
    stages = inspecting.show(folder)
    if report_format is Format.JSON:
        terminal.print(inspecting.json_of(stages))
    else:
        terminal.datasets(stages)
    return 0


@app.command()
def preview(
    spec: SpecPath,
    sheet: Annotated[Path, typer.Option("-o", "--sheet", help="The PNG file.")] = Path("preview.png"),
    images: Annotated[int, typer.Option("--images", min=1, max=100, help="Images of each class.")] = 2,
    draws: Annotated[int, typer.Option("--draws", min=0, max=20, help="Augmented copies of each image.")] = 4,
    settings: Settings = None,
    seed: Seed = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Draws a contact sheet of what the spec does to some images."""
    warm_up()
    from imgprep.commands import previewing

    with Terminal(quiet=quiet, verbose=verbose) as terminal:
        request = request_of(terminal, spec, settings, (None, seed), None)
        drawn = previewing.preview(request, sheet, previewing.Amount(images, draws))
        for note in drawn.notes:
            terminal.note(note)
    terminal.print(str(drawn.path))
    return 0


@app.command()
def schema() -> int:
    """Prints the JSON Schema of the spec, for editors."""
    import json

    from imgprep.spec.schema import json_schema

    Terminal().print(json.dumps(json_schema(), indent=2))
    return 0


@app.command()
def doctor() -> int:
    """Shows versions, cores, memory and what is missing."""
    from imgprep.commands import inspecting

    terminal = Terminal()
    facts = inspecting.doctor()
    terminal.facts(facts.lines)
    for problem in facts.problems:
        terminal.say(problem)
    return 5 if facts.problems else 0
