"""The program with as much of its commands as was asked for: making all of them takes longer than parsing the line."""

import copy
from collections.abc import Sequence
from typing import Final

import typer
from typer.main import get_command_name
from typer.models import CommandInfo

HELP: Final = (("--help",), ("-h",))


def with_command_of(app: typer.Typer, arguments: Sequence[str]) -> typer.Typer:
    """The program with the command that the first argument names; the whole where it names none.

    For the help of the program itself its commands are listed, so there they have no options.

    Args:
        app: the program; it stays as it is.
        arguments: without the name of the program.
    """
    if tuple(arguments) in HELP:
        narrow = copy.copy(app)
        narrow.registered_commands = [_without_options(info) for info in app.registered_commands]
        return narrow
    named = [info for info in app.registered_commands if [_name(info)] == list(arguments[:1])]
    if not named:
        return app
    narrow = copy.copy(app)
    narrow.registered_commands = named
    return narrow


def _name(info: CommandInfo) -> str:
    """As the command line has it."""
    return info.name or get_command_name(getattr(info.callback, "__name__", ""))


def _without_options(info: CommandInfo) -> CommandInfo:
    """The command as a list of commands shows it: its name and what it is for."""

    def nothing() -> None:
        """Stands for the command."""

    bare = copy.copy(info)
    nothing.__name__, nothing.__doc__ = getattr(info.callback, "__name__", ""), getattr(info.callback, "__doc__", None)
    bare.callback = nothing
    return bare
