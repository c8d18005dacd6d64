"""Detects the layout of a collection from its files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from imgprep.dataset.manifest import INDEX
from imgprep.errors import RequestError, one_line
from imgprep.sources.detect_columns import UNASKED, LabelAnswer, columns_of
from imgprep.sources.detect_flat import images_in, labels_in
from imgprep.sources.idx import is_idx_images
from imgprep.sources.not_read import refuse_file, refuse_folder, refuse_url
from imgprep.sources.outer_folders import check_outer, has_images, recognise_splits, subfolders
from imgprep.sources.split_names import split_word
from imgprep.sources.walk import junk, list_root
from imgprep.table.sample import NOTHING

_SUFFIXES: Final[Mapping[str, str]] = {
    ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".h5": "hdf5", ".hdf5": "hdf5",
    ".hdf": "hdf5", ".npz": "npz",
}  # fmt: skip

Option: TypeAlias = str | dict[str, str]


class Recognised(NamedTuple):
    """The recognised layout of a collection.

    Attributes:
        layout: the name of the layout.
        path: what the spec should name; not always what was asked about.
        options: further keys of ``source`` that are needed.
    """

    layout: str
    path: Path
    options: Mapping[str, Option] = NOTHING


def recognise(path: Path, asked: LabelAnswer = UNASKED) -> Recognised:
    """Finds the layout of a folder or file; only names and the first rows of a table are read.

    Args:
        path: the folder or file.
        asked: where the labels are, as the user says.

    Raises:
        RequestError: there is nothing there, or it is of no known layout; known kinds that are not read are named.
        UnclearSplitError: the outer folders may be splits as well as parts of the classes.
    """
    if path.is_dir():
        return _folder(path, asked)
    if not path.exists():
        refuse_url(path)
        raise RequestError(f"{one_line(path)}: no such file or folder; check the path")
    return _file(path, asked)


def _file(path: Path, asked: LabelAnswer) -> Recognised:
    if path.name == INDEX:
        return Recognised("dataset", path.parent)
    if is_idx_images(path.name):
        return Recognised("idx", path.parent)
    refuse_file(path)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    layout = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if layout is None:
        known = ", ".join(_SUFFIXES)
        raise RequestError(f"{one_line(path)}: no known layout; give a folder of images, or a file of these: {known}")
    return Recognised(layout, path, columns_of(path, layout, asked) if layout in {"csv", "json"} else NOTHING)


def _folder(path: Path, asked: LabelAnswer) -> Recognised:
    listing = list_root(path)
    names, entries = listing.names[::-1], listing.others.items()
    folders = [name[:-1] for name, entry in entries if name.endswith("/") and not junk(entry.name, folder=True)]
    if INDEX in names:
        return Recognised("dataset", path)
    if any(map(is_idx_images, names)):
        return Recognised("idx", path)
    refuse_folder(path, names, folders)
    if not folders:
        return _flat(path, names, asked)
    if (found := _splits(path, folders)) is not None:
        return Recognised("split_directory", found, labels_in(found, asked, splits=True))
    nested = _nested(path, folders)
    if nested:
        check_outer(path, folders)
    return Recognised("hierarchy" if nested else "directory", path, labels_in(path, asked))


def _flat(path: Path, names: Sequence[str], asked: LabelAnswer) -> Recognised:
    """The layout of a folder without folders: that of the table in it, or its files are images."""
    where = one_line(path)
    tables = [name for name in names if Path(name.removesuffix(".gz")).suffix.lower() in _SUFFIXES]
    if len(tables) == 1:
        return _file(path / tables[0], asked)
    if len(tables) > 1:
        raise RequestError(f"{where}: several tables: {one_line(', '.join(tables), 120)}; give one of them")
    if not images_in(path):
        raise RequestError(f"{where}: no folders in it, and no images; put those of each class into a folder")
    return Recognised("directory", path, labels_in(path, asked))


def _splits(path: Path, folders: list[str]) -> Path | None:
    """The folder whose folders are splits; None when there is none."""
    splits = [name for name in folders if split_word(name)]
    if len(splits) >= max(1, (len(folders) + 1) // 2) and any(subfolders(path / name) for name in splits):
        return path
    return recognise_splits(path, folders)


def _nested(path: Path, folders: list[str]) -> bool:
    """Returns whether images lie only deeper than one folder down."""
    return not any(has_images(path / name) for name in folders) and any(subfolders(path / name) for name in folders)
