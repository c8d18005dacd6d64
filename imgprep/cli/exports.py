"""The command that gives a dataset to other programs."""

from pathlib import Path
from typing import Annotated

import typer

from imgprep.cli import completion
from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.options import Folder, display_options, shared_options
from imgprep.cli.terminal import Terminal
from imgprep.util.quantity import quantity

To = Annotated[
    str,
    typer.Option(
        "--to", help="imagefolder, webdataset, parquet or tfrecord.", autocompletion=completion.export_formats
    ),
]
Out = Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The new folder.")]
Files = Annotated[
    str,
    typer.Option(
        help="png, webp, jpeg or jpeg:QUALITY; or originals: link, symlink or copy.",
        autocompletion=completion.export_files,
    ),
]
Source = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the original files.")]
ShardSize = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="The images in a shard: 500 MB, or a number of bytes; 256 MiB by default."),
]
Replace = Annotated[bool, typer.Option("--force", help="Replaces an earlier export.")]


@shared_options(display_options)
def export(
    terminal: Terminal,
    folder: Folder,
    to: To,
    output: Out,
    files: Files = "png",
    source: Source = None,
    shard_size: ShardSize = None,
    force: Replace = False,
) -> int:
    """Writes a dataset as files for other programs."""
    from imgprep.commands import export as exporting

    with terminal:
        done = exporting.export(folder, output, exporting.Wanted(to, files, source, force, shard_size))
    if done.note:
        terminal.say(f"the pixels are {done.note}")
    if done.left_out:
        terminal.say(f"{quantity(done.left_out, verb='was')} left out: in no split, or copies without an original file")
    terminal.print(str(output))
    return ExitCode.DONE
