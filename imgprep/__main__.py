"""The console script; importing it costs nothing, because worker processes may import it again."""

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from imgprep.cli import streams
from imgprep.cli.signals import leave_at_once


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    gc.set_threshold(250_000, 20, 20)  # imports make many objects, 130,000 for an audit, and no garbage
    leave_at_once()  # until `run` takes over, and after it: no traceback from half an import or a last clean-up
    streams.install()
    from imgprep.cli.exit_status import run  # noqa: PLC0415 - see above

    _end(run(sys.argv[1:], _repeated))


def _end(code: int) -> NoReturn:
    """Ends the process in order, but without taking every imported module apart: that takes up to a tenth of a second.

    While a thread still works, or somebody traces the program, the end is the ordinary one.
    """
    import threading  # noqa: PLC0415

    others = any(not each.daemon for each in threading.enumerate() if each is not threading.main_thread())
    if others or sys.gettrace() or sys.getprofile():
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - it was told before; what is left cannot be written
        sys.exit(code)
    os._exit(code)


def _repeated(arguments: Sequence[str]) -> int | None:
    """See `repeated`, which only a command on a spec waits for."""
    from imgprep.cli.repeated import repeated  # noqa: PLC0415

    return repeated(arguments)


if __name__ == "__main__":
    main()
