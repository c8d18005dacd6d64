"""The C extension `imgprep._native`, which not every installation has."""

import functools
import importlib
import os
import sys
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


@functools.cache
def native_files() -> ModuleType | None:
    """The extension, if it is installed, wanted, and reads files on this system."""
    return native_that(_has_files)


@functools.cache
def native_find() -> ModuleType | None:
    """The extension, if it is installed, wanted, and finds two bytes in a row as `bytes.find` does."""
    return native_that(_finds)


def _finds(kernel: ModuleType) -> bool:
    if not hasattr(kernel, "find_pair"):  # an earlier build
        return False
    pair, places = b"\xff\xd9", (0, 1, 1023, 1024, 2047, 4093)
    texts = [bytes(place) + pair + b"\xff" * 3 for place in places]
    return all(kernel.find_pair(text, 0, pair) == place for text, place in zip(texts, places, strict=True))


def _has_files(kernel: ModuleType) -> bool:
    # Of names it knows only that they are UTF-8.
    return bool(getattr(kernel, "FILES", 0)) and sys.getfilesystemencoding() == "utf-8"
