"""Detects the layout of a collection from its files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from imgprep.archives.files import file_stamp, on_disk
from imgprep.archives.opening import inside, is_archive_name, open_archive
from imgprep.dataset.manifest import INDEX
from imgprep.errors import RequestError, one_line
from imgprep.sources.detect_columns import UNASKED, LabelAnswer, columns_of
from imgprep.sources.detect_flat import images_in, labels_in
from imgprep.sources.detect_shards import is_shard, layout_of_shards, options_of_parquet
from imgprep.sources.idx import is_idx_images
from imgprep.sources.junk import junk
from imgprep.sources.not_read import refuse_file, refuse_folder, refuse_url
from imgprep.sources.outer_folders import check_outer, has_images, recognise_splits
from imgprep.sources.split_names import split_word
from imgprep.sources.trees import FileTree, tree_of
from imgprep.storage.opening import is_there
from imgprep.table.sample import NOTHING
from imgprep.table.targets import SEPARATOR
from imgprep.util.addresses import address_of, is_address

_SUFFIXES: Final[Mapping[str, str]] = {
    ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".h5": "hdf5", ".hdf5": "hdf5",
    ".hdf": "hdf5", ".npz": "npz", ".parquet": "parquet",
}  # fmt: skip
_TABLES: Final = frozenset({"csv", "json"})

Option: TypeAlias = str | dict[str, str]


class Recognised(NamedTuple):
    """The recognised layout of a collection.

    Attributes:
        layout: the name of the layout.
        path: what the spec should name; not always what was asked about.
        options: further keys of ``source`` that are needed.
        tags: as of `TableColumns`.
        separator: as of `TableColumns`.
    """

    layout: str
    path: Path
    options: Mapping[str, Option] = NOTHING
    tags: tuple[str, ...] = ()
    separator: str = SEPARATOR


def recognise(path: Path, asked: LabelAnswer = UNASKED) -> Recognised:
    """Finds the layout of a folder, an archive or another file; only names and the first rows of a table are read.

    Args:
        path: the folder or file.
        asked: where the labels are, as the user says.

    Raises:
        RequestError: there is nothing there, or it is of no known layout; known kinds that are not read are named.
        UnclearSplitError: the outer folders may be splits as well as parts of the classes.
        SourceError: an archive is damaged or hostile as a whole.
    """
    refuse_url(path)
    if is_shard(path):
        return Recognised("webdataset", path)
    if (root := root_of(path)) is not None:
        return _folder(root, asked)
    place = inside(path)
    if place is None and not is_address(path) and not path.exists():
        raise RequestError(f"{one_line(path)}: no such file or folder; check the path")
    if place is not None:
        file_stamp(path)
    return _file(path, asked)


def root_of(path: Path) -> Path | None:
    """The folder of a collection: a folder itself, or the outermost in an archive with more than one in it, else None.

    Raises:
        SourceError: the archive is damaged or hostile as a whole.
        ResourceError: the store fails that it lies in.
    """
    place = inside(path)
    if place is not None and open_archive(place.archive).index.is_folder(place.name):
        return _unwrapped(path)
    address = address_of(path)
    is_folder = path.is_dir() if address is None else not is_there(address)
    return path if is_folder else None


def _unwrapped(path: Path) -> Path:
    """The folder of an archive that holds all of it: many are made with the folder of the images around these."""
    while True:
        tree = tree_of(path)
        inner = tree.subfolders(links=False)
        alone = len(inner) == 1 and not any(not junk(name) for name in tree.files())
        if not alone or not tree.subfolders(inner[0], links=False):
            return path
        path /= inner[0]


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
        raise RequestError(
            f"{one_line(path)}: no known layout; give a folder of images, an archive, or a file of these: {known}"
        )
    if layout not in _TABLES and inside(path) is not None:
        raise RequestError(f"{one_line(path)}: in an archive, where it is not read; unpack it")
    if layout == "parquet":
        return Recognised(layout, path, options_of_parquet(on_disk(path), asked))
    return Recognised(layout, path, *(columns_of(path, layout, asked) if layout in _TABLES else ()))


def _folder(path: Path, asked: LabelAnswer) -> Recognised:
    tree = tree_of(path)
    names, folders = sorted(tree.files()), tree.subfolders()
    if INDEX in names or any(map(is_idx_images, names)):
        if inside(path) is not None:
            raise RequestError(f"{one_line(path)}: arrays in an archive, which are not read there; unpack it")
        return Recognised("dataset" if INDEX in names else "idx", path)
    refuse_folder(path, tree, names)
    if shards := layout_of_shards(path, tree):
        return Recognised(shards, path, options_of_parquet(path, asked, tree) if shards == "parquet" else NOTHING)
    if not folders:
        return _flat(path, tree, names, asked)
    if (found := _splits(tree, folders)) is not None:
        root = path / found
        return Recognised("split_directory", root, labels_in(tree_of(root), asked, splits=True))
    nested = _nested(tree, folders)
    if nested:
        check_outer(path, tree)
    return Recognised("hierarchy" if nested else "directory", path, labels_in(tree, asked))


def _flat(path: Path, tree: FileTree, names: Sequence[str], asked: LabelAnswer) -> Recognised:
    """The layout of a folder without folders: that of the table or the archive in it, or its files are images."""
    where = one_line(path)
    tables = [name for name in names if Path(name.removesuffix(".gz")).suffix.lower() in _SUFFIXES]
    loose = bool(images_in(tree))
    archives = [] if loose or inside(path) is not None else [name for name in names if is_archive_name(name)]
    for what, found in (("tables", tables), ("archives", archives)):
        if len(found) == 1:
            return recognise(path / found[0], asked)
        if len(found) > 1:
            raise RequestError(f"{where}: several {what}: {one_line(', '.join(found), 120)}; give one of them")
    if not loose:
        raise RequestError(f"{where}: no folders in it, and no images; put those of each class into a folder")
    return Recognised("directory", path, labels_in(tree, asked))


def _splits(tree: FileTree, folders: list[str]) -> str | None:
    """The folder whose folders are splits, '' for the root; None when there is none."""
    splits = [name for name in folders if split_word(name)]
    if len(splits) >= max(1, (len(folders) + 1) // 2) and any(tree.subfolders(name) for name in splits):
        return ""
    return recognise_splits(tree)


def _nested(tree: FileTree, folders: list[str]) -> bool:
    """Returns whether images lie only deeper than one folder down."""
    return not any(has_images(tree, name) for name in folders) and any(map(tree.subfolders, folders))
