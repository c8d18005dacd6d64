"""The arguments and options that commands of the command line share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"


Found = Annotated[
    Path, typer.Argument(metavar="FOLDER_OR_FILE", help="The images: a folder, a table or an array file.")
]
NewSpec = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="SPEC", help="The spec to write; NAME.yaml here by default.")
]
Overwrite = Annotated[bool, typer.Option("--force", help="Overwrites a spec that is there.")]


class AuditStage(StrEnum):
    """What an audit looks at."""

    SOURCE = "source"
    CONVERT = "convert"
    AUGMENT = "augment"
    PACK = "pack"


SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec: a YAML or JSON file.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="An output folder, or a stage in it.")]
Workers = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Worker processes; the cores of this container by default.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replaces a setting; dotted key, YAML value.")
]
Output = Annotated[Path | None, typer.Option(metavar="DIR", help="Replaces the output folder of the spec.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Replaces the seed of the spec.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Says what would be done; writes nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Does again what is up to date.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Prints errors and the result only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Adds the traceback to an error.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Shows no progress bars.")]
ReportFormat = Annotated[
    str,
    typer.Option("--format", help="text, json, junit, sarif, github, gitlab, markdown or html."),
]
Stage = Annotated[AuditStage, typer.Option("--stage", help="What is judged: the source, or what a stage made of it.")]
Baseline = Annotated[
    Path | None, typer.Option(metavar="REPORT", help="An earlier report.json: only what is new fails.")
]
Reference = Annotated[
    Path | None, typer.Option(metavar="SPEC", help="Another collection: says how far each class has moved from it.")
]
Sample = Annotated[int, typer.Option("--sample", min=1, metavar="N", help="How many images to draw.")]
ReviewTable = Annotated[
    Path | None, typer.Option("-o", "--table", metavar="CSV", help="Where; audit/review.csv in the output by default.")
]
