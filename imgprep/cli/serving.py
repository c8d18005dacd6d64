"""The commands about finished datasets: one in use, or two side by side."""

from pathlib import Path
from typing import Annotated

import typer

from imgprep.cli import completion
from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.options import Folder, display_options, shared_options
from imgprep.cli.streams import libraries_silenced
from imgprep.cli.terminal import Terminal

Picture = Annotated[Path, typer.Argument(metavar="IMAGE", help="The image file.")]
Array = Annotated[Path, typer.Option("-o", "--output", metavar="FILE.npy", help="The file to write.")]


@shared_options(display_options)
def preprocess(terminal: Terminal, folder: Folder, image: Picture, output: Array) -> int:
    """Prepares one image as those of a dataset. Writes it as .npy."""
    from imgprep.commands import preprocess as preprocessing

    with terminal, libraries_silenced():
        written = preprocessing.write(folder, image, output)
    terminal.print(str(written))
    return ExitCode.DONE


A = Annotated[Path, typer.Argument(metavar="A", help="A dataset, an output folder, or a spec.")]
B = Annotated[Path, typer.Argument(metavar="B", help="Another one of the same kind.")]
DiffFormat = Annotated[
    str, typer.Option("--format", help="text, json, markdown or html.", autocompletion=completion.diff_formats)
]


@shared_options(display_options)
def diff(terminal: Terminal, first: A, second: B, report_format: DiffFormat = "text") -> int:
    """Compares two datasets, outputs or specs."""
    from imgprep.commands import diff as comparing
    from imgprep.commands.diff_report import RENDERERS
    from imgprep.errors import RequestError
    from imgprep.settings.problems import unknown

    if report_format not in RENDERERS:
        raise RequestError(f"--format: {unknown('format', report_format, list(RENDERERS))}")
    with terminal:
        compared = comparing.diff(first, second)
        rendered = RENDERERS[report_format](compared)
    show = terminal.tell if report_format == "text" else terminal.print
    show(rendered.removesuffix("\n"))
    return ExitCode.DONE if compared.difference.same else ExitCode.FAILED
