"""The program with the one command that was asked for: making all of them takes longer than parsing the line."""

import copy
from collections.abc import Sequence

import typer
from typer.main import get_command_name
from typer.models import CommandInfo


def with_command_of(app: typer.Typer, arguments: Sequence[str]) -> typer.Typer:
    """The program with the command that the first argument names; the whole where it names none.

    Args:
        app: the program; it stays as it is.
        arguments: without the name of the program.
    """
    named = [info for info in app.registered_commands if [_name(info)] == list(arguments[:1])]
    if not named:
        return app
    narrow = copy.copy(app)
    narrow.registered_commands = named
    return narrow


def _name(info: CommandInfo) -> str:
    """As the command line has it."""
    return info.name or get_command_name(getattr(info.callback, "__name__", ""))
