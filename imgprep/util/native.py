"""The C extension `imgprep._native`, which not every installation has."""

import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import Final

SWITCH: Final = "IMGPREP_NATIVE"
"""An environment variable: 0 leaves everything to the libraries."""
OPENCV: Final = "opencv"
"""What is said of images where the library does the work."""


def native_module() -> ModuleType | None:
    """The extension, if it is installed and wanted."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        return importlib.import_module("imgprep._native")
    except ImportError:
        return None


def native_that(agrees: Callable[[ModuleType], bool]) -> ModuleType | None:
    """The extension, if it is installed, wanted, and passes the check of what it is to be used for."""
    kernel = native_module()
    return kernel if kernel is not None and agrees(kernel) else None
