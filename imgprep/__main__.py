"""The console script; importing it costs nothing, because worker processes may import it again."""

import gc
import signal
import sys


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    gc.set_threshold(100_000, 20, 20)  # imports make many objects and no garbage
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `run` takes over: no traceback from half an import
    from imgprep.outcome import run  # noqa: PLC0415 - see above

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
