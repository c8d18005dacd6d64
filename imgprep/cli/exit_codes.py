"""The exit codes that no error carries; those of errors are in `imgprep.errors`."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process ends with.

    Attributes:
        DONE: everything was done.
        FAILED: the data was judged and failed.
        QUARANTINED: done, but more images were quarantined than the spec allows.
        SURROUNDINGS: what surrounds imgprep must be put right: the installation, the disk.
        DEFECT: imgprep itself is wrong.
        BROKEN_PIPE: the reader of the output went away.
    """

    DONE = 0
    FAILED = 1
    QUARANTINED = 3
    SURROUNDINGS = 5
    DEFECT = 70
    BROKEN_PIPE = 141
