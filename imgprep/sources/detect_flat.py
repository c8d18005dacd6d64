"""Folders that say nothing of classes: the labels are in the names of the files, or nowhere."""

from collections.abc import Mapping

from imgprep.sources.detect_columns import LabelAnswer
from imgprep.sources.detect_names import label_from_names
from imgprep.sources.junk import junk
from imgprep.sources.trees import FileTree
from imgprep.table.sample import NOTHING

UNLABELLED: Mapping[str, str] = {"labels": "none"}


def images_in(tree: FileTree, folder: str = "") -> list[str]:
    """The names of the files in a folder that may be images, in order."""
    return sorted(name for name in tree.files(folder) if not junk(name))


def labels_in(tree: FileTree, asked: LabelAnswer, *, splits: bool = False) -> Mapping[str, str]:
    """The options of a source whose folders say no class; none where they do.

    They say none where there are no folders, where each is a split without folders in it, and where there is only one
    and the names of the files in it say the class.

    Args:
        tree: of the collection.
        asked: where the labels are, as the user says.
        splits: whether its folders are splits.
    """
    if asked.pattern is not None:
        return {"label_from": asked.pattern}
    folders = tree.subfolders()
    if not folders:
        found = label_from_names(images_in(tree))
        return {"label_from": found} if found else UNLABELLED
    if any(tree.subfolders(name) for name in folders) or (not splits and (len(folders) > 1 or images_in(tree))):
        return NOTHING
    found = label_from_names([name for folder in folders for name in images_in(tree, folder)], inside=True)
    if found:
        return {"label_from": found}
    return UNLABELLED if splits else NOTHING
