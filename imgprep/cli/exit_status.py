"""Turns the outcome of a command into the exit code of the process, with one line for an error."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.signals import Stop, Stopped, stoppable
from imgprep.cli.streams import PipeClosed
from imgprep.cli.width import width_of
from imgprep.errors import REMEDIES, ImgprepError, RequestError, ResourceError, one_line
from imgprep.util.lines import wrapped

if TYPE_CHECKING:
    from imgprep.engines.launch import Launchers

EMPTY: Final = "an argument is empty; perhaps a variable of the shell is not set"


SPEC: Final = (".yaml", ".yml", ".json")
"""Endings of the names of specs."""
Attempt = Callable[[Sequence[str]], int | None]


def names_a_spec(arguments: Sequence[str]) -> bool:
    """Whether a command may be one that `cli.repeated` knows."""
    return any(argument.endswith(SPEC) for argument in arguments)


def run(arguments: Sequence[str], attempt: Attempt | None = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        arguments: without the name of the program.
        attempt: does the command without the command line and gives its exit code; None if it could not.
    """
    try:
        return _until_stopped(arguments, attempt)
    except PipeClosed:
        return ExitCode.BROKEN_PIPE


def _until_stopped(arguments: Sequence[str], attempt: Attempt | None) -> int:
    try:
        with stoppable() as stop:
            return _run(arguments, attempt, stop)
    except Stopped as stopped:
        return _stopped(stopped)
    except KeyboardInterrupt:
        return _stopped(Stopped(signal.SIGINT))


def _run(arguments: Sequence[str], attempt: Attempt | None, stop: Stop) -> int:
    verbose = "-v" in arguments or "--verbose" in arguments
    if "" in arguments:
        return _failed(EMPTY, RequestError.exit_code, verbose=False)
    try:
        if attempt is not None and names_a_spec(arguments) and (code := attempt(arguments)) is not None:
            return code
        code = _commanded(arguments)
        sys.stdout.flush()
    except Exception as error:  # the user gets one line, and with -v all of it
        if stop.number:  # a library whose work was stopped calls that an error of its own: numpy when it is imported
            raise Stopped(stop.number) from error
        if isinstance(error, ImgprepError):
            return _failed(str(error), error.exit_code, verbose=verbose)
        return _unexpected(error, verbose=verbose)
    return code


def _commanded(arguments: Sequence[str]) -> int:
    """Parses the command line and does what it says."""
    if not names_a_spec(arguments):
        return int(_parsed(arguments) or 0)
    from imgprep.cli.blas import import_numpy
    from imgprep.cli.early_start import early_workers
    from imgprep.cli.repeated import key_of

    with early_workers(arguments) as launchers:
        key = key_of(arguments)  # of the surroundings as they are before a library changes them
        import_numpy()
        done = _parsed(arguments, launchers)
    from imgprep.cli.recording import Repeatable, record

    if isinstance(done, Repeatable):
        record(arguments, key, done)
    return int(done or 0)


def _parsed(arguments: Sequence[str], launchers: "Launchers | None" = None) -> int | None:
    """What a command on the command line gives.

    Args:
        arguments: without the name of the program.
        launchers: where worker processes come from, if they were started ahead.
    """
    # It would read the metadata of every installed package for plugins, which a spec needs none of.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from imgprep.cli.app import app
    from imgprep.cli.one_command import with_command_of

    command = with_command_of(app, arguments)
    done: int | None = command(args=list(arguments), prog_name="imgprep", standalone_mode=False, obj=launchers)
    return done


def _stopped(stopped: Stopped) -> int:
    _tell(f"imgprep: {stopped.how}; rerun the same command to resume")
    return stopped.code


def _failed(message: str, code: int, *, verbose: bool) -> int:
    if verbose:
        import traceback

        import typer

        typer.echo(traceback.format_exc(), err=True, nl=False)
    for line in message.splitlines():
        _tell(f"imgprep: error: {one_line(line, 2000)}")
    return code


def _tell(text: str) -> None:
    """Prints to standard error; a terminal gets lines that break between words."""
    import typer

    typer.echo(wrapped(text, width_of(sys.stderr)), err=True)


def _unexpected(error: Exception, *, verbose: bool) -> int:
    """Errors of the command line itself, of the file system, and defects."""
    show = getattr(error, "show", None)  # typer's own errors
    if show is not None:
        import io

        said = io.StringIO()
        show(file=said)
        _tell(said.getvalue().rstrip("\n"))
        return int(getattr(error, "exit_code", 2))
    if type(error).__name__ == "Abort":
        return _stopped(Stopped(signal.SIGINT))
    if isinstance(error, OSError):
        cure = REMEDIES.get(error.errno or 0, "fix that, then rerun the same command")
        what = f"{error.filename or 'system'}: {error.strerror or error}: {cure}"
        return _failed(what, ResourceError.exit_code, verbose=verbose)
    from imgprep.util.installation import remedy as remedy_of

    remedy = remedy_of(error)
    if remedy is not None:
        return _failed(remedy, ResourceError.exit_code, verbose=verbose)
    message = f"a defect in imgprep: {type(error).__name__}: {error}; run again with -v and report what it prints"
    return _failed(message, ExitCode.DEFECT, verbose=verbose)
