"""Finds the folder that the locations of a table are relative to, and the extension that they lack."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from imgprep.archives.opening import inside, is_archive_name
from imgprep.errors import ImgprepError
from imgprep.sources.attributes import is_json
from imgprep.sources.csvtable import read_csv
from imgprep.sources.jsontable import find, read_json
from imgprep.sources.junk import junk
from imgprep.sources.trees import tree_of
from imgprep.util.addresses import is_address

_LOOKED_AT: Final = 5
_FOLDERS: Final = 50
_ARCHIVES: Final = 3
_EXTENSIONS: Final = ("", ".jpg", ".png", ".jpeg", ".JPG", ".JPEG", ".PNG", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def located(path: Path, location_column: str, delimiter: str | None, *, beside: bool = True) -> dict[str, str] | None:
    """The options with which the first images of a table are found; None when they are not.

    Args:
        path: the table.
        location_column: the column of the images.
        delimiter: of a CSV table; None for the usual one.
        beside: look in the folders beside the table's too, not only in it.

    Raises:
        RequestError: the table is wrong.
    """
    rows = (
        read_json(path, pixels=location_column) if is_json(path) else read_csv(path, delimiter, pixels=location_column)
    )
    values = (row.values.get(find(row.values, location_column)) for row in islice(rows, _LOOKED_AT))
    written = [value for value in values if isinstance(value, str) and value and "://" not in value]
    if not written:
        return None
    for folder in _candidates(path.parent, written, beside=beside):
        for extension in _EXTENSIONS:
            files = tree_of(folder).found_by(extension, "inside")
            if not any(files.find(text).reason for text in written):
                root = {} if folder == path.parent else {"image_root": os.fspath(folder)}
                return root | ({"extension": extension.removeprefix(".")} if extension else {})
    return None


def _candidates(folder: Path, written: list[str], *, beside: bool) -> Iterator[Path]:
    """Folders that may hold the images: that of the table, those in it and beside it, and what absolute paths share."""
    yield folder
    if inside(folder) is not None or is_address(folder):
        yield from (folder / name for name in tree_of(folder).subfolders()[:_FOLDERS])
        return
    if all(map(os.path.isabs, written)):
        yield Path(os.path.commonpath([os.path.dirname(text) for text in written]))  # noqa: PTH120
        return
    parent = folder.absolute().parent
    yield from _inside(folder)
    if beside:
        yield parent
        yield from _inside(parent)


def _inside(folder: Path) -> list[Path]:
    """The first folders in a folder, by name; then the archives, each with the folders in it."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries if not junk(entry.name, folder=True))
    except OSError:
        return []
    folders = [folder / name for name, is_folder in found if is_folder][:_FOLDERS]
    archives = [folder / name for name, is_folder in found if not is_folder and is_archive_name(name)][:_ARCHIVES]
    return [*folders, *(place for archive in archives for place in _in_archive(archive))]


def _in_archive(archive: Path) -> list[Path]:
    """An archive and the first folders in it; nothing where it cannot be read."""
    try:
        return [archive, *(archive / name for name in tree_of(archive).subfolders()[:_FOLDERS])]
    except ImgprepError:
        return []
