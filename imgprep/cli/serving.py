"""The commands about a finished dataset in use."""

from pathlib import Path
from typing import Annotated

import typer

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
