"""The console script; importing it costs nothing, because worker processes may import it again."""

import gc
import sys
from collections.abc import Sequence

from imgprep.cli import streams
from imgprep.cli.signals import leave_at_once


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    gc.set_threshold(100_000, 20, 20)  # imports make many objects and no garbage
    leave_at_once()  # until `run` takes over, and after it: no traceback from half an import or a last clean-up
    streams.install()
    from imgprep.cli.exit_status import run  # noqa: PLC0415 - see above

    sys.exit(run(sys.argv[1:], _repeated))


def _repeated(arguments: Sequence[str]) -> int | None:
    """See `repeated`, which only a command on a spec waits for."""
    from imgprep.cli.repeated import repeated  # noqa: PLC0415

    return repeated(arguments)


if __name__ == "__main__":
    main()
