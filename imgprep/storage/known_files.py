"""What is known of the files that a folder on disk and a folder in a store have in common, kept on disk."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from imgprep.errors import ResourceError, one_line


class Known(NamedTuple):
    """A file that was the same on disk and in the store.

    Attributes:
        version: of the object.
        sha256: of the content.
        size: of the file.
        time: of its last change, in ns.
    """

    version: str
    sha256: str
    size: int
    time: int

    def is_of(self, path: Path) -> bool:
        """Returns whether the file has not changed since."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.time)


class KnownFiles:
    """Name -> what is known; each change is appended to a file at once, so that nothing is lost with the process.

    Several threads may take note of different files.

    Args:
        path: of that file.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._files: dict[str, Known] = dict(_read(path))
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._files))

    def get(self, name: str) -> Known | None:
        """What is known of a file; None for nothing."""
        return self._files.get(name)

    def add(self, name: str, path: Path, version: str, sha256: str) -> None:
        """Takes note of a file that is the same in both places now."""
        status = path.stat()
        known = Known(version, sha256, status.st_size, status.st_mtime_ns)
        with self._lock:
            self._files[name] = known
            self._append([name, *known])

    def forget(self, name: str) -> None:
        """Takes note that a file is not in the store, or another one."""
        with self._lock:
            if self._files.pop(name, None) is not None:
                self._append([name])

    def _append(self, entry: list[Any]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(json.dumps(entry).encode() + b"\n")
        except OSError as error:
            raise ResourceError(
                f"{one_line(self._path)}: cannot be written: {error.strerror}; free the space"
            ) from error


def _read(path: Path) -> Iterator[tuple[str, Known]]:
    found: dict[str, Known] = {}
    lines = path.read_bytes().splitlines() if os.path.lexists(path) else []
    for line in lines:
        try:
            name, *known = json.loads(line)
            found.pop(name, None)
            if known:
                found[name] = Known(*known)
        except (ValueError, TypeError):
            continue  # torn by a kill: the file is looked at again
    return iter(found.items())
