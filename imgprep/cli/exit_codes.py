"""Exit codes without an error class; those of errors are in `imgprep.errors`."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the process.

    Attributes:
        DONE: everything was done.
        FAILED: the data was judged and failed.
        QUARANTINED: done, but more images were quarantined than the spec allows.
        SURROUNDINGS: the environment must be fixed: the installation, the disk.
        DEFECT: a bug in imgprep.
        BROKEN_PIPE: the reader of the output is gone.
    """

    DONE = 0
    FAILED = 1
    QUARANTINED = 3
    SURROUNDINGS = 5
    DEFECT = 70
    BROKEN_PIPE = 141
