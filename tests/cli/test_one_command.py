"""The command that was asked for is made alone, and is as it is among all."""

import pytest
import typer.main

from imgprep.cli.app import app
from imgprep.cli.one_command import with_command_of

WHOLE = typer.main.get_command(app)
NAMES = sorted(WHOLE.commands)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_alone_has_the_help_that_it_has_among_all(name, imgprep, capsys):
    narrow = typer.main.get_command(with_command_of(app, [name, "--help"]))
    assert list(narrow.commands) == [name]
    with pytest.raises(SystemExit, match="0"):
        WHOLE([name, "--help"], prog_name="imgprep")
    assert imgprep(name, "--help").stdout == capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--help", "run"], ["--version", "run"], ["rum"], ["Run"]])
def test_whatever_names_no_command_is_put_to_the_whole_program(arguments):
    assert with_command_of(app, arguments) is app


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_the_help_of_the_program_is_that_of_the_whole(word, imgprep, capsys):
    with pytest.raises(SystemExit, match="0"):
        WHOLE([word], prog_name="imgprep")
    assert imgprep(word).stdout == capsys.readouterr().out
    bare = typer.main.get_command(with_command_of(app, [word])).commands
    assert sorted(bare) == NAMES
    assert not any(parameter.name != "help" for command in bare.values() for parameter in command.params)


def test_the_program_stays_as_it_is():
    before = [*app.registered_commands]
    with_command_of(app, ["run"])
    with_command_of(app, ["--help"])
    assert app.registered_commands == before
    assert len(NAMES) == len(before) > 20
