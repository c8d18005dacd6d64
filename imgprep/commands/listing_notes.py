"""Doubts about a listing: images without a split, folders named like splits, skipped files."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from imgprep.archives.opening import inside
from imgprep.errors import one_line
from imgprep.sources.attributes import AttributeTable
from imgprep.sources.base import Source
from imgprep.sources.split_names import UnclearSplitError, as_key, split_folders, split_word
from imgprep.sources.splits import SplitReader
from imgprep.table.sample import SampleTable

_DEEP: Final = 2
SHOWN: Final = 3
"""Number of names in a note."""
_IGNORE: Final = "or say that these names are none: source.splits: ignore"


def check_blank(splits: SplitReader, source: Source, attributes: AttributeTable | None) -> None:
    """Refuses images without a split where others have one.

    Raises:
        UnclearSplitError: there is such an image; the message gives the place of the first.
    """
    if splits.blank is None or not splits.given():
        return
    row, sample = splits.blank
    where = source.place_of(row) if attributes is None else attributes.place_of(sample)
    means = f"what {one_line(sample.split, 40)!r}" if sample.split.strip() else "what a blank"
    raise UnclearSplitError(
        f"{where}: no split for {one_line(sample.id, 80)!r}, though other images have one; fill it in, "
        f"or say {means} means: source.splits: {{{as_key(sample.split.strip())}: train}}"
    )


def check_folders(splits: SplitReader, source: Source, table: SampleTable) -> Iterator[str]:
    """Looks for splits that are not read: in names of folders, and in columns.

    Returns:
        Doubts, one line each.

    Raises:
        UnclearSplitError: folders named like splits would become classes, or be mixed.
    """
    if splits.ignored or splits.given():
        return
    ok = table.ok()
    named = table.id[ok] if source.table() or source.is_folder else ()
    found = split_folders(folders_of(named))
    names = one_line(", ".join(found.names), 120)
    if found.certain and source.is_folder:
        raise UnclearSplitError(
            f"{one_line(source.path)}: the folders {names} are named like splits, which layout: {source.layout} "
            f"does not read; {_remedy(found.parent)}, {_IGNORE}"
        )
    if found.names:
        yield f"the folders {names} are named like splits but are not read as splits; see source.splits"
    for name, column in table.attributes.items():
        words = {split_word(value) for value in column[np.flatnonzero(ok)].counts() if value}
        if name.casefold() != "split" and len(words) > 1 and "" not in words:
            or_say = "" if source.table() is None else ", or name it in source.split_column"
            yield f"the column {one_line(name, 40)!r} holds names of splits but is not read; rename it to split{or_say}"


def folders_of(ids: Iterable[str]) -> set[str]:
    """The folders of files, as ``a/b``; those of one folder mostly follow one another."""
    found, last, length = set[str](), "\0", 1
    for id_ in ids:
        if not id_.startswith(last) or id_.find("/", length) >= 0:
            folder = id_.rpartition("/")[0]
            found.add(folder)
            last = f"{folder}/" if folder else "\0"
            length = len(last)
    return found


def wrapped(source: Source, table: SampleTable) -> Iterator[str]:
    """A note where the only class of an archive is the folder that all of it was packed in."""
    usable = np.flatnonzero(table.ok())
    classes = table.label[usable].counts() if source.layout == "directory" and inside(source.path) else {}
    if len(classes) != 1 or any(table.id[row].count("/") < _DEEP for row in usable.tolist()):
        return
    (only,) = classes
    yield (
        f"all images of the archive are in its folder {one_line(only, 80)}, their only class; if the folders in there "
        f"are the classes: source.path: {one_line(source.path / only, 120)}"
    )


def _remedy(parent: str | None) -> str:
    if parent is not None:
        return "use layout: split_directory" + (f", with source.path at {one_line(parent, 80)} in it" if parent else "")
    return "put the splits outside the classes, as in train/cat and test/cat, for layout: split_directory"


def skipped(table: SampleTable) -> Iterator[str]:
    """Notes on skipped files and folders that cannot be entered: counts, reasons and first names."""
    for status, what in (("skipped", "skipped"), ("quarantined", "not entered")):
        part = table[np.flatnonzero(table.status.where(status))]
        if status == "quarantined":  # files are counted one by one; what is in a folder is not
            part = part[np.array([row for row, name in enumerate(part.id) if name.endswith("/")], np.int64)]
        if len(part):
            yield f"{what}: {_by_reason(part)}"


def _by_reason(part: SampleTable) -> str:
    parts = []
    for reason, count in part.reason.counts().items():
        first = np.flatnonzero(part.reason.where(reason))[:SHOWN]
        names = ", ".join(one_line(part.id[row], 60) for row in first.tolist()) + (" ..." if count > SHOWN else "")
        parts.append(f"{count} {reason} ({names})")
    return "; ".join(parts)
