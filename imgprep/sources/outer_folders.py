"""Decides whether outer folders are splits, classes, or unclear."""

import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

from imgprep.errors import one_line
from imgprep.sources.split_names import UnclearSplitError, are_splits, split_folders
from imgprep.sources.walk import junk, list_root

_SHOWN: Final = 4


def recognise_splits(path: Path, folders: Sequence[str]) -> Path | None:
    """The folder that holds the splits: this one, or the only one in it with images; None when there is none.

    Args:
        path: of the collection.
        folders: the names of those in it.
    """
    if _are_splits(path, folders):
        return path
    held = [path / name for name in folders if holds_images(path / name)]
    if len(held) == 1 and not has_images(path) and _are_splits(held[0], inner := subfolders(held[0])) and inner:
        return held[0]
    return None


def check_outer(path: Path, folders: Sequence[str]) -> None:
    """Asks what outer folders are that hold inner folders of the same names: those could be the classes of splits.

    Raises:
        UnclearSplitError: two of them do; the message names the options of ``init`` that answer.
    """
    if len(folders) == 1:
        only = path / folders[0]
        if inner := subfolders(only):
            check_outer(only, inner)
        return
    held = {name: set(subfolders(path / name)) for name in folders}
    for one, other in combinations(sorted(held), 2):
        shared = held[one] & held[other]
        if are_splits(held[one] | held[other]):
            continue  # splits in folders of classes, which no layout reads: the listing says so
        if len(shared) > 1 or (shared and held[one] == held[other]):
            names = ", ".join(sorted(shared)[:_SHOWN]) + (" ..." if len(shared) > _SHOWN else "")
            raise UnclearSplitError(
                f"{one_line(path)}: {one_line(one, 60)} and {one_line(other, 60)} hold folders of the same names "
                f"({one_line(names, 80)}): if these are the classes of splits, say which is which, as in --split "
                f"{one_line(one, 60)}=train; if the outer are a part of the class, --layout hierarchy; if the outer "
                "alone are the classes, --layout directory"
            )


def subfolders(folder: Path) -> list[str]:
    """The names of the folders in a folder, links to folders too."""
    listing = list_root(folder)
    return [name[:-1] for name, entry in listing.others.items() if entry.is_dir() and not junk(entry.name, folder=True)]


def has_images(folder: Path) -> bool:
    """Returns whether files in a folder may be images."""
    with os.scandir(folder) as listing:
        return any(entry.is_file() and not junk(entry.name) for entry in listing)


def holds_images(folder: Path) -> bool:
    """Returns whether files in a folder, or in folders in it, may be images; links to folders are not entered."""
    return any(not junk(name) for _, _, names in os.walk(folder) for name in names)


def _are_splits(path: Path, folders: Sequence[str]) -> bool:
    inner = ((outer, name) for outer in folders for name in subfolders(path / outer) or [""])
    deeper = (f"{outer}/{name}/{last}" for outer, name in inner for last in subfolders(path / outer / name) or [""])
    found = split_folders(name.rstrip("/") for name in deeper)
    return bool(found.names) and found.parent == "" and found.certain
