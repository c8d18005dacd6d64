"""The arguments and options that commands of the command line share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"


SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec: a YAML or JSON file.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="An output folder, or a stage in it.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes; the cores of this container by default.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replaces a setting; dotted key, YAML value.")
]
Output = Annotated[Path | None, typer.Option(help="Replaces the output folder of the spec.")]
Seed = Annotated[int | None, typer.Option(help="Replaces the seed of the spec.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Says what would be done; writes nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Does again what is up to date.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Prints errors and the result only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Prints more; tracebacks with errors.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Shows no progress bars.")]
ReportFormat = Annotated[str, typer.Option("--format", help="Of the report: text, json and more.")]
