"""The manual page, from the command line itself: ``python -m imgprep.cli.man > imgprep.1``.

The wheel has it as ``share/man/man1/imgprep.1``, so that ``man imgprep`` finds it in an active environment.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

import typer.main

from imgprep.cli.app import app
from imgprep.version import __version__

STATUS: Final = {
    "0": "done",
    "1": "the data was judged and failed: an audit rule of severity error, or verify found a difference",
    "2": "the request is wrong: command line, spec, or a table that the spec names; nothing was written",
    "3": "done, but more images were quarantined than max_quarantined allows (default 0)",
    "4": "the source as a whole was refused: a corrupt or hostile container",
    "5": "the surroundings failed: disk full, no permission, another run holds the output",
    "130, 143, 141": "interrupted, terminated, broken pipe",
}
_ENVIRONMENT: Final = {
    "NO_COLOR": "If set, nothing is coloured.",
    "IMGPREP_NATIVE": "If 0, images are shrunk by OpenCV instead of the extension that does the same faster.",
}
_FILES: Final = {
    "OUTPUT/STAGE/dataset.json": "Index of a finished stage, written last.",
    "OUTPUT/STAGE/samples.jsonl": "One line for each image found.",
    "OUTPUT/.imgprep": "What is remembered of earlier runs; may be removed at any time.",
}


def man_page() -> str:
    """The page in the language of man(7)."""
    group: Any = typer.main.get_command(app)
    lines = [f'.TH IMGPREP 1 "" "imgprep {__version__}" "User Commands"', ".SH NAME"]
    lines += [f"imgprep \\- {_text(_lower(group.help))}", ".SH SYNOPSIS"]
    lines += [".B imgprep", r".I COMMAND", r"[\fIOPTIONS\fR]", ".SH DESCRIPTION"]
    lines += [_text(group.help + " One YAML file, the spec, says what is wanted:"), ".PP"]
    lines += [r".B imgprep init", r".I FOLDER", "writes one for a collection,", r".B imgprep run", ".I SPEC"]
    lines += ["does everything in order.", ".SH OPTIONS", *_options(group), ".SH COMMANDS"]
    for name, command in group.commands.items():
        lines += _command(name, command)
    for title, entries in ("EXIT STATUS", STATUS), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES):
        lines += [f".SH {title}", *_entries(entries.items())]
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    _, *arguments = command.collect_usage_pieces(typer.Context(command))  # the first stands for the options
    yield f".SS {_text(' '.join([name, *(each.strip('{}') for each in arguments)]))}"
    yield _text(command.help)
    yield from _options(command)


def _options(command: Any) -> Iterator[str]:
    """The arguments and options, as the help has them."""
    context = typer.Context(command)
    records = (each.get_help_record(context) for each in command.params)
    return _entries(record for record in records if record is not None)


def _entries(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in entries:
        yield from (".TP", f"\\fB{_text(term)}\\fR", _text(text))


def _lower(text: str) -> str:
    return (text[0].lower() + text[1:]).rstrip(".")


def _text(text: str) -> str:
    """Text as man shows it: nothing in it is a request, and a minus can be searched for."""
    escaped = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", escaped)


if __name__ == "__main__":
    sys.stdout.write(man_page())
