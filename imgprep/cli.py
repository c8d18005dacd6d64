"""The commands of the command line: each parses its options, calls one function, prints and gives its exit code.

Commands import what they need when they run, so that ``--help`` and completion are quick.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from imgprep.options import (
    DryRun,
    Folder,
    Force,
    Format,
    NoProgress,
    Output,
    Quiet,
    ReportFormat,
    Seed,
    Settings,
    SpecPath,
    Verbose,
    Workers,
)
from imgprep.terminal import Terminal

if TYPE_CHECKING:
    from imgprep.commands.session import Request

FAILED: Final = 1
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
        from imgprep.version import __version__  # noqa: PLC0415

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
def audit(
    spec: SpecPath,
    report_format: ReportFormat = "text",
    workers: Workers = None,
    settings: Settings = None,
    output: Output = None,
    seed: Seed = None,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> int:
    """Judges the collection by the rules of good data collection."""
    _warm_up()
    from imgprep.commands import auditing, main  # noqa: PLC0415

    auditing.check_format(report_format)
    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        request = _request(terminal, spec, settings, (output, seed), workers, force=force)
        report = main.audit(request).report
    terminal.print(auditing.render(report, report_format, color=terminal.color))
    return 0 if report.passed else FAILED


def _warm_up() -> None:
    """Starts the process that workers come from, so that it imports OpenCV while this one imports the rest."""
    from imgprep.engines import warm_up  # noqa: PLC0415

    warm_up()


def _request(
    terminal: Terminal,
    spec: Path,
    settings: list[str] | None,
    replaced: tuple[Path | None, int | None],
    workers: int | None,
    *,
    force: bool = False,
) -> "Request":
    from imgprep.commands.session import Request  # noqa: PLC0415

    output, seed = replaced
    return Request(spec, settings or (), output, seed, workers, force, terminal)


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
            _warm_up()
        from imgprep.commands import main, planning  # noqa: PLC0415

        with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
            request = _request(terminal, spec, settings, (output, seed), workers, force=force)
            if dry_run:
                terminal.print(planning.plan(request, name).text())
                return 0
            written = main.STAGES[name](request)
        terminal.stages([written])
        return QUARANTINED if written.too_many_quarantined else 0

    app.command(name, help=summary)(command)


_stage("convert", "Decodes, sizes and pre-processes every image of the source into shards.")
_stage("split", "Divides the images into train, validation and test, or folds, without leakage.")
_stage("augment", "Makes new training images from old ones, and stress sets.")
_stage("pack", "Writes normalised, shuffled, machine-learning-ready shards for each split.")


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
        _warm_up()
    from imgprep.commands import auditing, main, planning  # noqa: PLC0415

    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        request = _request(terminal, spec, settings, (output, seed), workers, force=force)
        if dry_run:
            terminal.print(planning.plan(request, "pack").text())
            return 0
        done = main.run(request, gate=gate)
    if not done.stages:
        terminal.print(auditing.render(done.report, "text", color=terminal.color))
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
    """Re-reads a dataset: checksums, counts, shapes, types, labels, finite values, every row."""
    from imgprep.commands import inspecting  # noqa: PLC0415

    with Terminal(quiet=quiet, verbose=verbose, progress=not no_progress) as terminal:
        checked = inspecting.verify(folder, workers, terminal)
    if report_format is Format.JSON:
        terminal.print(checked.json())
    else:
        terminal.print(checked.text())
    return 0 if checked.passed else FAILED


@app.command()
def show(
    folder: Folder,
    report_format: Annotated[Format, typer.Option("--format", help="How it is printed.")] = Format.TEXT,
) -> int:
    """Shows classes, counts per split, shapes, normalisation and provenance of a dataset."""
    from imgprep.commands import inspecting  # noqa: PLC0415

    terminal = Terminal()
    stages = inspecting.show(folder)
    if report_format is Format.JSON:
        terminal.print(inspecting.json_of(stages))
    else:
        terminal.datasets(stages)
    return 0


@app.command()
def schema() -> int:
    """Prints the JSON Schema of the spec, for editors and pre-commit."""
    import json  # noqa: PLC0415

    from imgprep.spec.schema import json_schema  # noqa: PLC0415

    Terminal().print(json.dumps(json_schema(), indent=2))
    return 0


@app.command()
def doctor() -> int:
    """Shows versions, cores and memory as this container allows them, and what is missing."""
    from imgprep.commands import inspecting  # noqa: PLC0415

    terminal = Terminal()
    facts = inspecting.doctor()
    terminal.facts(facts.lines)
    for problem in facts.problems:
        terminal.say(problem)
    return 5 if facts.problems else 0
