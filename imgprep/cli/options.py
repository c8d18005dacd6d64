"""The arguments and options of the command line, each declared once: here, or by the one command that has it.

Options that several commands share are the parameters of a function (`display_options`, `spec_options`).
`shared_options` adds them to a command, which gets the function's result as its first argument. Typer reads options
from signatures only, so the decorator gives the command the joined signature.
"""

import inspect
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

import typer

from imgprep.cli import completion
from imgprep.cli.terminal import Terminal

if TYPE_CHECKING:
    from imgprep.commands.session import Request
    from imgprep.engines.launch import Launchers

T = TypeVar("T")
R = TypeVar("R")
Own = ParamSpec("Own")


class Format(StrEnum):
    """Format of the output."""

    TEXT = "text"
    JSON = "json"


class AuditStage(StrEnum):
    """The subject of an audit: the source, or the output of a stage."""

    SOURCE = "source"
    CONVERT = "convert"
    SPLIT = "split"
    AUGMENT = "augment"
    PACK = "pack"
    FEATURES = "features"


class ReviewMode(StrEnum):
    """The images of a review."""

    SAMPLE = "sample"
    SUSPECTS = "suspects"
    DUPLICATES = "duplicates"
    GALLERY = "gallery"


Found = Annotated[
    Path, typer.Argument(metavar="FOLDER_OR_FILE", help="The images: a folder, a table or an array file.")
]
SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec: a YAML or JSON file.")]
SpecHere = Annotated[
    Path | None,
    typer.Argument(metavar="SPEC", help="The spec; where there is but one, here or one folder below, that one."),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="An output folder, or a stage in it.")]
NewSpec = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="SPEC", help="The spec to write; NAME.yaml here by default.")
]
Overwrite = Annotated[bool, typer.Option("--force", help="Overwrites a spec that is there.")]
Layout = Annotated[
    str | None,
    typer.Option(
        metavar="LAYOUT",
        help="The layout, where it is another than what it looks like.",
        autocompletion=completion.layouts,
    ),
]
Splits = Annotated[
    list[str] | None,
    typer.Option(
        "--split",
        metavar="NAME=SPLIT",
        help="What a split of this name is: train, validation, test or skip; or ignore.",
    ),
]
LabelColumn = Annotated[
    str | None, typer.Option("--label", metavar="COLUMN", help="The column of the labels of a table.")
]
LabelFrom = Annotated[
    str | None,
    typer.Option("--label-from", metavar="REGEX", help="Finds the label in the path of each file: its one group."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Worker processes; the cores of this container by default.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Replaces a setting; dotted key, YAML value.",
        autocompletion=completion.settings,
    ),
]
Output = Annotated[Path | None, typer.Option(metavar="DIR", help="Replaces the output folder of the spec.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Replaces the seed of the spec.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Says what would be done; writes nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Does again what is up to date.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Prints errors and the result only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Adds the traceback to an error.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Shows no progress bars.")]
Gate = Annotated[bool, typer.Option("--gate/--no-gate", help="Whether a failed audit ends the run.")]
Sheet = Annotated[Path, typer.Option("-o", "--sheet", help="The PNG file.")]
Images = Annotated[int, typer.Option("--images", min=1, max=100, help="Images of each class.")]
Draws = Annotated[int, typer.Option("--draws", min=0, max=20, help="Augmented copies of each image.")]
ReportFormat = Annotated[
    str,
    typer.Option(
        "--format",
        help="text, json, junit, sarif, github, gitlab, csv, markdown or html.",
        autocompletion=completion.report_formats,
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Shows all findings in a terminal, however many there are.")]
OpenPage = Annotated[bool, typer.Option("--open", help="Opens the page of the audit in the browser.")]
Stage = Annotated[AuditStage, typer.Option("--stage", help="What is judged: the source, or what a stage made of it.")]
Baseline = Annotated[
    Path | None, typer.Option(metavar="REPORT", help="An earlier report.json: only what is new fails.")
]
Reference = Annotated[
    Path | None, typer.Option(metavar="SPEC", help="Another collection: says how far each class has moved from it.")
]
MoreTables = Annotated[
    list[Path] | None, typer.Argument(metavar="TABLE", help="With --collect: further tables.", show_default=False)
]
Sample = Annotated[
    int | None,
    typer.Option("--sample", min=1, metavar="N", help="How many images to draw; as many as would decide by default."),
]
ReviewTable = Annotated[
    Path | None, typer.Option("-o", "--table", metavar="CSV", help="Where; audit/review.csv in the output by default.")
]
Mode = Annotated[ReviewMode, typer.Option("--mode", help="The images: a sample, suspects, duplicates or a gallery.")]
Class = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="CLASS",
        help="With --mode gallery: this class only.",
        autocompletion=completion.classes,
    ),
]
Page = Annotated[
    Path | None, typer.Option("--page", metavar="HTML", help="Writes the page as one file, for somebody elsewhere.")
]
Extend = Annotated[bool, typer.Option("--extend", help="Draws more, and keeps what is filled in.")]
Collect = Annotated[
    list[Path] | None,
    typer.Option("--collect", metavar="CSV", help="Merges tables of several reviewers and compares them."),
]
Serve = Annotated[
    bool | None,
    typer.Option("--serve/--no-serve", help="Whether to open the page here; only on a terminal by default."),
]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Serves the page and prints its address only.")]

DecisionTable = Annotated[
    Path | None,
    typer.Option(
        "-o", "--table", metavar="CSV", help="Where; by default the table of the spec, or decisions.csv there."
    ),
]
RuleActions = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="RULE=ACTION",
        help="What to propose for the findings of a rule: exclude, keep, relabel (label-errors only) or open.",
        autocompletion=completion.rule_actions,
    ),
]


_STORED: Final = frozenset({"folder", "first", "second", "images"})
"""Parameters that may be addresses of object stores, as far as the command reads them: datasets, collections."""
_STORED_OUTPUT: Final = frozenset({"output"})
"""The same among the options of all commands on a spec."""


class SpecOptions(NamedTuple):
    """The options common to all commands on a spec.

    Attributes:
        terminal: shows progress and results.
        spec: the path of the spec file.
        settings: ``KEY=VALUE``, replacing those of the file.
        output: replaces the output of the spec.
        seed: replaces the seed of the spec.
        workers: replaces the number of workers.
        launchers: where worker processes come from, if they were started ahead.
    """

    terminal: Terminal
    spec: Path
    settings: list[str]
    output: Path | None
    seed: int | None
    workers: int | None
    launchers: "Launchers | None" = None

    def request(self, *, force: bool = False) -> "Request":
        """The request for the commands."""
        from imgprep.commands.session import Request

        return Request(
            self.spec,
            self.settings,
            self.output,
            self.seed,
            self.workers,
            force,
            self.terminal,
            launchers=self.launchers,
        )


def display_options(quiet: Quiet = False, verbose: Verbose = False, no_progress: NoProgress = False) -> Terminal:
    """Options of every command: what it shows."""
    return Terminal(quiet=quiet, verbose=verbose, progress=not no_progress)


def spec_options(
    context: typer.Context,
    spec: SpecPath,
    workers: Workers = None,
    settings: Settings = None,
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> SpecOptions:
    """Options of every command on a spec: the spec, and overrides."""
    terminal = display_options(quiet, verbose, no_progress)
    return SpecOptions(terminal, spec, settings or [], output, seed, workers, context.obj)


def found_spec_options(spec: Path | None, **given: Any) -> SpecOptions:
    """The same for a command that looks for the spec where none is named, and says which it found."""
    if spec is not None:
        return spec_options(spec=spec, **given)
    from imgprep.spec.discovery import find_spec

    found = spec_options(spec=find_spec(Path()), **given)
    found.terminal.say(f"the spec is {found.spec}")
    return found


_parameters = inspect.signature(spec_options).parameters | {
    "spec": inspect.Parameter("spec", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=SpecHere)
}
found_spec_options.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in _parameters.values()]
)


def shared_options(shared: Callable[..., T]) -> Callable[[Callable[Concatenate[T, Own], R]], Callable[..., R]]:
    """Adds the parameters of one function to the options of a command.

    Args:
        shared: takes the shared options as parameters; its result is the first argument of the command.
    """
    common = inspect.signature(shared).parameters
    stored = _STORED | (_STORED_OUTPUT & common.keys())

    def joining(command: Callable[Concatenate[T, Own], R]) -> Callable[..., R]:
        own = list(inspect.signature(command).parameters.values())[1:]

        def joined(**given: object) -> R:
            _check_paths(value for name, value in given.items() if name not in stored)
            made = shared(**{name: given.pop(name) for name in common})
            return command(made, **given)  # type: ignore[call-arg, arg-type]

        everything = sorted([*own, *common.values()], key=lambda each: each.default is not each.empty)
        keyword_only = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in everything]
        joined.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
        joined.__name__, joined.__doc__ = command.__name__, command.__doc__
        joined.__annotations__ = {}
        return joined

    return joining


def _check_paths(given: Iterable[object]) -> None:
    """Refuses addresses of object stores, which would be taken for folders."""
    from imgprep.util.addresses import check_local

    for value in given:
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path):
                check_local(path)
