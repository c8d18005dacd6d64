"""Records what a command said that changed nothing, for `cli.repeated`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from imgprep.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from imgprep.cli.options import SpecOptions

KEPT: Final = 8
"""Commands whose records an output keeps: those that came last."""
LARGEST: Final = 1 << 20
"""Characters of what is kept of one command."""
TICK: Final = 100_000_000
"""Nanoseconds by which the times of a file system may be behind the clock."""


class Repeatable(int):
    """The exit code of a command that would do the same again, if nothing changes.

    Args:
        code: the number.
        given: the options that the command was given; their terminal knows what it said.
        reads: files that it reads, beside those of the spec.
    """

    given: "SpecOptions"
    reads: tuple[Path, ...]

    def __new__(cls, code: ExitCode, given: "SpecOptions", reads: tuple[Path, ...] = ()) -> Self:
        """See the class."""
        made = super().__new__(cls, code)
        made.given, made.reads = given, reads
        return made


def record(arguments: Sequence[str], key: str, done: Repeatable) -> None:
    """Records a command that has just ended, unless it changed something or depends on what cannot be told.

    Nothing that it depends on may be newer than its start: what is compared later is then what it has seen.

    Args:
        arguments: of the command line.
        key: of these, from before the command.
        done: the end of the command.
    """
    terminal = done.given.terminal
    if terminal.worked or sum(len(text) for _, text in terminal.said) > LARGEST:
        return
    from imgprep.errors import ImgprepError

    with suppress(OSError, ValueError, ImgprepError):
        _record(arguments, key, done)


def _record(arguments: Sequence[str], key: str, done: Repeatable) -> None:
    import json

    from imgprep.cli.repeated import PRIVATE, RECORDS, output_of, state_of
    from imgprep.commands.session import Silent
    from imgprep.dataset.manifest import commit
    from imgprep.spec.inputs import files_of

    output = output_of(arguments)
    if output is None:
        return
    loaded = replace(done.given.request(), monitor=Silent()).load()
    files = files_of(loaded.spec)
    if files is None or not output.samefile(loaded.spec.output):
        return
    reads = [str(path.absolute()) for path in (done.given.spec, *files, *done.reads)]
    state = state_of(output, reads, newest=True)
    terminal = done.given.terminal
    if state.newest >= terminal.began - TICK:
        return
    path = output / PRIVATE / RECORDS
    kept = {
        "code": int(done),
        "said": terminal.said,
        "lock": loaded.spec.execution.lock,
        "reads": reads,
        "state": state.digest,
    }
    commit(path, json.dumps(_latest(path, key, kept)).encode("utf-8", "backslashreplace"), durable=False)


def _latest(path: Path, key: str, kept: dict[str, Any]) -> dict[str, Any]:
    """The records of an output with a new one, which comes last."""
    import json

    try:
        found = json.loads(path.read_bytes())
        others = [(other, record) for other, record in found.items() if other != key]
    except (OSError, ValueError, AttributeError):
        others = []
    return dict([*others[1 - KEPT :], (key, kept)])
