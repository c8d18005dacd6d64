"""What files were like: sizes and times of whole trees in one pass, with no object kept for a file."""

import os
import stat
from array import array
from collections.abc import Collection, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

_SEPARATOR: Final = "\0"


class Stamp(NamedTuple):
    """The state of files and folders.

    Attributes:
        digest: changes with any name, size, modification time or change of status below them.
        newest: the latest time of any of them in nanoseconds, of folders too; 0 where it was not asked for.
    """

    digest: str
    newest: int


class CannotTellError(OSError):
    """A tree whose state its own entries do not tell."""


def stamp_of(paths: Iterable[str], without: Collection[str] = (), *, newest: bool = False) -> Stamp:
    """The state of files, and of folders with everything below them.

    Entries count in the order of the system, which is the same as long as nothing changes.

    Args:
        paths: of files and folders.
        without: names of entries that do not count, wherever they are.
        newest: whether the latest time is wanted.

    Raises:
        CannotTellError: a link leads to a folder.
        OSError: one of them is missing or cannot be read.
    """
    state, latest = blake2b(digest_size=16), 0
    for path in paths:
        status = Path(path).stat()
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "file"
        state.update(f"{kind}{_SEPARATOR}{path}{_SEPARATOR}".encode("utf-8", "surrogateescape"))
        if kind == "file":
            state.update(array("q", _numbers(status)).tobytes())
        latest = max(latest, status.st_mtime_ns, status.st_ctime_ns)
        folders = [path] if kind == "folder" else []
        while folders:
            folder = folders.pop()
            latest = max(latest, Path(folder).stat().st_mtime_ns) if newest else 0
            names, numbers, below = _entries(folder, without)
            state.update(_SEPARATOR.join(names).encode("utf-8", "surrogateescape"))
            state.update(numbers.tobytes())
            if newest and numbers:
                latest = max(latest, *map(max, (numbers[1::3], numbers[2::3])))
            folders += below
    return Stamp(state.hexdigest(), latest if newest else 0)


def _entries(folder: str, without: Collection[str]) -> tuple[list[str], "array[int]", list[str]]:
    """The names in a folder, three numbers for each file, and the paths of the folders in it."""
    names: list[str] = []
    below: list[str] = []
    numbers = array("q")
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name in without:
                continue
            names.append(name)
            if entry.is_dir(follow_symlinks=False):
                names.append("/")
                below.append(entry.path)
                continue
            status = entry.stat(follow_symlinks=False)
            numbers.extend((status.st_size, status.st_mtime_ns, status.st_ctime_ns))
            if entry.is_symlink():
                status = entry.stat()
                if stat.S_ISDIR(status.st_mode):
                    raise CannotTellError(f"{entry.path}: leads to a folder")
                numbers.extend(_numbers(status))
    return names, numbers, below


def _numbers(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
