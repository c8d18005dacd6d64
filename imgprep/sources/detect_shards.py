"""Recognises collections in shards: tar files of WebDataset, and Parquet files with images."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from imgprep.archives.files import on_disk
from imgprep.archives.opening import inside, is_archive_name
from imgprep.decoding.formats import format_of_extension
from imgprep.errors import RequestError, one_line
from imgprep.sources.detect_columns import LABELS, LabelAnswer
from imgprep.sources.jsontable import find
from imgprep.sources.parquet import columns_of_images, open_parquet
from imgprep.sources.trees import FileTree
from imgprep.sources.webdataset import holds_keys

_FOLDERS: Final = 20
_LOOKED_AT: Final = 1000
_PARQUET: Final = ".parquet"


def is_shard(path: Path) -> bool:
    """Returns whether a file is a tar of WebDataset: images with a label beside each.

    Raises:
        SourceError: it is no tar, or damaged or hostile as a whole.
    """
    place = inside(path)
    return place is not None and not place.name and not path.name.lower().endswith(".zip") and holds_keys(path)


def layout_of_shards(path: Path, tree: FileTree) -> str:
    """The layout of a folder on disk that holds shards, or folders of shards, and no images; '' for none.

    Raises:
        SourceError: a tar is damaged or hostile as a whole.
    """
    if inside(path) is not None:
        return ""
    found = list(tree.files())
    for folder in tree.subfolders()[:_FOLDERS]:
        found += (f"{folder}/{name}" for name in islice(tree.files(folder), _LOOKED_AT))
    if any(format_of_extension(name.rpartition(".")[2]) for name in found):
        return ""
    if any(name.lower().endswith(_PARQUET) for name in found):
        return "parquet"
    tars = sorted(name for name in found if is_archive_name(name))
    return "webdataset" if tars and is_shard(path / tars[0]) else ""


def _parquets(tree: FileTree) -> Iterator[str]:
    for folder in ("", *(f"{'/'.join(names)}/" for names in tree.folders())):
        yield from (f"{folder}{name}" for name in tree.files(folder.rstrip("/")) if name.lower().endswith(_PARQUET))


def options_of_parquet(path: Path, asked: LabelAnswer, tree: FileTree | None = None) -> Mapping[str, str]:
    """The options of a source that make the columns of a Parquet file known.

    Args:
        path: the file, or a folder of such.
        asked: where the labels are, as the user says.
        tree: of the folder; None for a file.

    Raises:
        RequestError: pyarrow is not installed, or a column cannot be told.
        SourceError: the file is damaged.
    """
    first = path if tree is None else on_disk(path / min(_parquets(tree)))
    file = open_parquet(first)
    try:
        names, images, classes = columns_of_images(file)
    finally:
        file.close()
    there = one_line(", ".join(names), 120)
    if len(images) != 1:
        which = "several columns hold" if images else "no column holds"
        raise RequestError(f"{one_line(first)}: {which} images as bytes; the columns are: {there}")
    pictures = {} if images[0].casefold() == "image" else {"image_column": images[0]}
    if asked.pattern is not None:
        return {"label_from": asked.pattern} | pictures
    columns, label = dict.fromkeys(name for name in names if name not in images), asked.column
    named = next((name for guess in LABELS if (name := find(dict(columns), guess))), "")
    chosen = find(dict(columns), label) if label is not None else named or (classes[0] if len(classes) == 1 else "")
    if label is not None and not chosen:
        raise RequestError(f"--label {one_line(label, 80)}: {one_line(first)}: no such column, there are: {there}")
    if not chosen:
        raise RequestError(
            f"{one_line(first)}: no column like label, there are: {there}; init takes it as --label COLUMN"
        )
    options = {} if chosen.casefold() == "label" else {"label_column": chosen}
    return options | pictures
