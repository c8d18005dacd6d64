"""Decides whether outer folders are splits, classes, or unclear."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

from imgprep.errors import one_line
from imgprep.sources.junk import junk
from imgprep.sources.split_names import UnclearSplitError, are_splits, split_folders
from imgprep.sources.trees import FileTree

_SHOWN: Final = 4


def recognise_splits(tree: FileTree) -> str | None:
    """The folder that holds the splits: '' for this one, or the only one in it with images; None when there is none."""
    folders = tree.subfolders()
    if _are_splits(tree, "", folders):
        return ""
    held = [name for name in folders if holds_images(tree, name)]
    if len(held) == 1 and not has_images(tree) and (inner := tree.subfolders(held[0])):
        return held[0] if _are_splits(tree, f"{held[0]}/", inner) else None
    return None


def check_outer(path: Path, tree: FileTree, above: str = "") -> None:
    """Asks what outer folders are that hold inner folders of the same names: those could be the classes of splits.

    Args:
        path: of the collection.
        tree: its files.
        above: the folder that holds the outer ones, with a slash; '' for the root.

    Raises:
        UnclearSplitError: two of them do; the message names the options of ``init`` that answer.
    """
    folders = tree.subfolders(above)
    if len(folders) == 1:
        check_outer(path, tree, f"{above}{folders[0]}/")
        return
    held = {name: set(tree.subfolders(above + name)) for name in folders}
    for one, other in combinations(sorted(held), 2):
        shared = held[one] & held[other]
        if are_splits(held[one] | held[other]):
            continue  # splits in folders of classes, which no layout reads: the listing says so
        if len(shared) > 1 or (shared and held[one] == held[other]):
            names = ", ".join(sorted(shared)[:_SHOWN]) + (" ..." if len(shared) > _SHOWN else "")
            raise UnclearSplitError(
                f"{one_line(path / above)}: {one_line(one, 60)} and {one_line(other, 60)} hold folders of the same "
                f"names ({one_line(names, 80)}): if these are the classes of splits, say which is which, as in --split "
                f"{one_line(one, 60)}=train; if the outer are a part of the class, --layout hierarchy; if the outer "
                "alone are the classes, --layout directory"
            )


def has_images(tree: FileTree, folder: str = "") -> bool:
    """Returns whether files in a folder may be images."""
    return any(not junk(name) for name in tree.files(folder))


def holds_images(tree: FileTree, folder: str) -> bool:
    """Returns whether files in a folder, or in folders in it, may be images; links to folders are not entered."""
    left = [folder]
    while left:
        here = left.pop()
        if has_images(tree, here):
            return True
        left += [f"{here}/{name}" for name in tree.subfolders(here, links=False)]
    return False


def _are_splits(tree: FileTree, above: str, folders: Sequence[str]) -> bool:
    inner = (f"{outer}/{name}" for outer in folders for name in tree.subfolders(above + outer) or [""])
    deeper = (f"{folder}/{last}" for folder in inner for last in tree.subfolders(above + folder) or [""])
    found = split_folders(name.rstrip("/") for name in deeper)
    return bool(found.names) and found.parent == "" and found.certain
