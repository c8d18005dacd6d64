"""Reads the usable images of samples.jsonl into columns, for millions of images."""

from collections.abc import Iterator
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import Final

from imgprep.dataset.records import STATUSES, SampleRecord, are_texts, parse_members, refusing, scan_lines
from imgprep.table.columns import StringBuilder, StringColumn
from imgprep.table.sample import Sample, SampleTable

_SAMPLE: Final = itemgetter("id", "location", "label", "attributes", "split")


def read_columns(folder: Path) -> tuple[SampleTable, StringColumn | None]:
    """Reads the usable images of a finished stage into columns, a third faster than record by record.

    Returns:
        (the images, without reasons and stamps; the ids of their originals, '' for an original, or None when all images
        are originals).

    Raises:
        RequestError: it cannot be read.
    """
    parents = _Parents()
    with refusing(folder):
        table = SampleTable.of(_usable(folder, parents))
    return table, parents.column()


def _usable(folder: Path, parents: "_Parents") -> Iterator[Sample]:
    for members in scan_lines(folder, parse_members):
        if members.get("status") != "ok":
            if members.get("status") not in STATUSES:
                SampleRecord.of(members)  # says what is wrong
            continue
        try:
            id_, location, label, attributes, split = _SAMPLE(members)
        except KeyError as error:
            raise ValueError(f"{error.args[0]} is missing") from None
        group = members.get("group", "")
        if not (
            type(id_) is type(location) is type(group) is str
            and (label is None or type(label) is str)
            and (split is None or type(split) is str)
            and type(attributes) is dict
            and (not attributes or are_texts(attributes))
        ):
            SampleRecord.of(members)
        parents.add(members.get("parent"))
        yield Sample(id_, location, label or "", attributes, group, split or "")


class _Parents:
    """Builds the column of parents from the first copy on, because most stages have no copies."""

    def __init__(self) -> None:
        self._originals = 0
        self._builder: StringBuilder | None = None

    def add(self, parent: str | None) -> None:
        """Adds the parent of the next image."""
        if self._builder is not None:
            self._builder.add(parent or "")
        elif not parent:
            self._originals += 1
        else:
            self._builder = StringBuilder()
            for known in (*repeat("", self._originals), parent):
                self._builder.add(known)

    def column(self) -> StringColumn | None:
        """The parents; None when all are originals."""
        return None if self._builder is None else self._builder.column()
