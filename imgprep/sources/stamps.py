"""Sizes and times of the files of a folder."""

import os
from array import array
from collections.abc import Sequence
from typing import Final

_BY_FOLDER: Final = os.stat in os.supports_dir_fd


def stamps_of(folder: str, names: Sequence[str]) -> "array[int] | None":
    """Size in bytes and modification time in ns of each file, one after the other; links are not followed.

    Args:
        folder: its path.
        names: of files in it.

    Returns:
        2 N numbers; None where one of them cannot be had.
    """
    found: list[int] = []
    descriptor = None
    try:
        # By the open folder, a third of the time goes that the system takes to find the file by its path.
        descriptor = os.open(folder, os.O_RDONLY) if _BY_FOLDER else None
        for name in names:
            path = name if _BY_FOLDER else f"{folder}{os.sep}{name}"
            status = os.stat(path, dir_fd=descriptor, follow_symlinks=False)
            found += (status.st_size, status.st_mtime_ns)
    except OSError:
        return None
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return array("q", found)
