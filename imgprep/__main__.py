"""The console script; importing it costs nothing, because worker processes may import it again."""

import gc
import sys

from imgprep.cli import streams
from imgprep.cli.signals import leave_at_once


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    gc.set_threshold(100_000, 20, 20)  # imports make many objects and no garbage
    leave_at_once()  # until `run` takes over, and after it: no traceback from half an import or a last clean-up
    streams.install()
    from imgprep.cli.exit_status import run  # noqa: PLC0415 - see above
    from imgprep.cli.repeated import repeated  # noqa: PLC0415

    sys.exit(run(sys.argv[1:], repeated))


if __name__ == "__main__":
    main()
