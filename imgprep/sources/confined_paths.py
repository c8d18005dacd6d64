"""Paths written in a table: relative to its folder, and never out of it."""

import os
import posixpath
import re
import stat
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.errors import check_surroundings, one_line

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")


class Found(NamedTuple):
    """A path of a table, looked up.

    Attributes:
        location: relative to the folder of the table, all links resolved.
        stamp: (size in bytes, modification time in ns).
        reason: why it cannot be read; '' when it can.
    """

    location: str
    stamp: tuple[int, int] = (0, 0)
    reason: str = ""


class _LedOutError(Exception):
    """A link leads out of the folder."""


class LocalFiles:
    """Looks paths up under one folder; remembers the folders it has seen."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self._inside = "" if self.root == os.sep else self.root
        self._folders: dict[str, str] = {}

    def find(self, text: str) -> Found:
        """Looks a path up; one that is absolute, leads out of the folder (also by a link) or has a NUL has a reason.

        Args:
            text: the path as written, ``/`` between its parts.
        """
        if "\0" in text:
            return Found(text, reason="a NUL in the path; correct the table")
        if text.startswith(("/", "\\", "~/")) or _DRIVE.match(text):
            return self._outside(text, "is absolute")
        path = posixpath.normpath(text)
        if path == ".." or path.startswith("../"):
            return self._outside(text, "leads out of the table's folder")
        try:
            return self._look_up(path)
        except _LedOutError:
            return self._outside(text, "is a link that leads out of the table's folder")
        except OSError as error:
            check_surroundings(error)
            reason = "no such file" if isinstance(error, FileNotFoundError | NotADirectoryError) else error.strerror
            return Found(path, reason=f"cannot be read: {reason}")

    def _look_up(self, path: str) -> Found:
        head, name = posixpath.split(path)
        folder = self._folders.get(head)
        if folder is None:
            folder = self._folders[head] = self._resolved(f"{self._inside}/{head}") if head else ""
        location = f"{folder}/{name}" if folder else name
        status = os.lstat(f"{self._inside}/{location}")
        if stat.S_ISLNK(status.st_mode):
            location = self._resolved(f"{self._inside}/{location}")
            status = os.lstat(f"{self._inside}/{location}")
        if not stat.S_ISREG(status.st_mode):
            return Found(location, reason="not a regular file")
        return Found(location, (status.st_size, status.st_mtime_ns))

    def _resolved(self, path: str) -> str:
        target = os.path.realpath(path)
        if target == self.root:
            return ""
        if not target.startswith(self._inside + os.sep):
            raise _LedOutError
        return target[len(self._inside) + 1 :].replace(os.sep, "/")

    def _outside(self, text: str, what: str) -> Found:
        return Found(text, reason=f"the location {one_line(text, 80)!r} {what}; paths are relative to the table")
