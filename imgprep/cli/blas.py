"""numpy, imported so that the threads of its linear algebra wait without working."""

import os
import sys
from typing import Final

_PATIENCE: Final = "OPENBLAS_THREAD_TIMEOUT"
_LEAST: Final = "4"
"""The least that OpenBLAS takes: 2 to the power of it clock ticks."""


def import_numpy() -> None:
    """Imports numpy; does nothing where it is imported already.

    OpenBLAS starts a thread for every further core, and each asks for work without a pause for some 30 ms: after its
    start, and after all that it did. Meanwhile nobody else has that core, on which the workers start. Threads that wait
    asleep compute the same with as many cores. The variable is read while the library is loaded, so nothing that is
    started later inherits it; what the user has set holds.
    """
    if "numpy" in sys.modules or _PATIENCE in os.environ:
        return
    os.environ[_PATIENCE] = _LEAST
    try:
        import numpy  # noqa: F401, ICN001  importing it is all
    finally:
        del os.environ[_PATIENCE]
