"""The C extension `imgprep._native`, which not every installation has."""

import importlib
import os
from types import ModuleType
from typing import Final

SWITCH: Final = "IMGPREP_NATIVE"
"""An environment variable: 0 leaves everything to the libraries."""


def native_module() -> ModuleType | None:
    """The extension, if it is installed and wanted."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        return importlib.import_module("imgprep._native")
    except ImportError:
        return None
