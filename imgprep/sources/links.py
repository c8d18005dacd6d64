"""Decides which symbolic links to follow, so that a walk ends and stays inside its root."""

import os
import pathlib
import stat
from collections.abc import Iterable
from typing import Final, Literal

Links = Literal["inside", "anywhere"]
"""The links that are followed: those inside the folder of the collection, or all."""
MAX_NESTED: Final = 4
"""Links to folders, one in another, that are followed when links may lead anywhere; inside the folder it is one."""


def why_not_followed(target: str, mode: int, root: str, links: Links, passed: Iterable[str]) -> str:
    """Why a link is not followed; '' when it may be.

    Args:
        target: what it leads to, all links resolved.
        mode: of the target.
        root: the folder of the collection, '' for that of the file system.
        links: how far links are followed.
        passed: the folders in which the links lie that led here, this one last; all links resolved.
    """
    above = [*passed]
    within = above[-1:] if links == "inside" else above
    if any(f"{folder}{os.sep}".startswith(target.rstrip(os.sep) + os.sep) for folder in within):
        return "link to a folder above it"
    if links == "inside" and not target.startswith(root + os.sep):
        return "link that leads out of the source folder"
    if not stat.S_ISDIR(mode):
        return "" if stat.S_ISREG(mode) else kind(mode)
    if links == "inside":
        return "link to a folder, in a folder that is a link itself" if len(above) > 1 else ""
    return f"more than {MAX_NESTED} links to folders, one in another" if len(above) > MAX_NESTED else ""


def location_of(target: str, root: str) -> str:
    """The location of a file or folder: relative to the root with ``/``, absolute when it lies elsewhere."""
    if target.startswith(root + os.sep):
        target = target[len(root) + 1 :]
    return target.replace(os.sep, "/")


def path_of(root: str, location: str) -> str:
    """The path of a location; see `location_of`.

    >>> path_of("/data", "cat/1.jpg"), path_of("/data", "/cache/1.jpg")
    ('/data/cat/1.jpg', '/cache/1.jpg')
    """
    # Nearly no location is absolute, and `pathlib`, which knows drives too, takes as long as reading a small file.
    may_be_absolute = location[:1] == "/" or "\\" in location or ":" in location
    return location if may_be_absolute and pathlib.Path(location).is_absolute() else f"{root}/{location}"


def kind(mode: int) -> str:
    """The message for something that is not a regular file."""
    kinds = {stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
    return f"not a regular file: {kinds.get(stat.S_IFMT(mode), 'special file')}"
