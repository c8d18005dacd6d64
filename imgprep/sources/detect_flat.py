"""Folders that say nothing of classes: the labels are in the names of the files, or nowhere."""

from collections.abc import Mapping
from pathlib import Path

from imgprep.sources.detect_columns import LabelAnswer
from imgprep.sources.detect_names import label_from_names
from imgprep.sources.outer_folders import subfolders
from imgprep.sources.walk import junk, list_root
from imgprep.table.sample import NOTHING

UNLABELLED: Mapping[str, str] = {"labels": "none"}


def images_in(folder: Path) -> list[str]:
    """The names of the files in a folder that may be images, in order."""
    listing = list_root(folder)
    return [name for name in reversed(listing.names) if not name.endswith("/") and not junk(name)]


def labels_in(path: Path, asked: LabelAnswer, *, splits: bool = False) -> Mapping[str, str]:
    """The options of a source whose folders say no class; none where they do.

    They say none where there are no folders, where each is a split without folders in it, and where there is only one
    and the names of the files in it say the class.

    Args:
        path: of the collection.
        asked: where the labels are, as the user says.
        splits: whether its folders are splits.
    """
    if asked.pattern is not None:
        return {"label_from": asked.pattern}
    folders = subfolders(path)
    if not folders:
        found = label_from_names(images_in(path))
        return {"label_from": found} if found else UNLABELLED
    if any(subfolders(path / name) for name in folders) or (not splits and (len(folders) > 1 or images_in(path))):
        return NOTHING
    found = label_from_names([name for folder in folders for name in images_in(path / folder)], inside=True)
    if found:
        return {"label_from": found}
    return UNLABELLED if splits else NOTHING
