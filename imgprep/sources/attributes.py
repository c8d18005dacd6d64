"""A table of further columns, joined to the samples of any layout by id or location."""

import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from imgprep.arrays.progress_hook import in_steps
from imgprep.errors import RequestError, one_line
from imgprep.sources.base import group_and_split, text_of
from imgprep.sources.csvtable import Row, read_csv
from imgprep.sources.jsontable import find, read_json
from imgprep.sources.split_names import USUAL, SplitNames
from imgprep.table.sample import Sample, SampleTable

_SHOWN: Final = 5
_JSON: Final = frozenset({".json", ".jsonl", ".ndjson"})


class Unmatched(NamedTuple):
    """Images and rows without a partner.

    Attributes:
        samples: number of images (skipped entries excluded) without a row.
        first_samples: ids of the first few.
        rows: number of rows without an image.
        first_rows: ids of the first few.
    """

    samples: int
    first_samples: tuple[str, ...]
    rows: int
    first_rows: tuple[str, ...]

    def __str__(self) -> str:
        """One line for a log.

        >>> str(Unmatched(1, ("a.jpg",), 0, ()))
        '1 images without a row in the table (a.jpg), 0 rows without an image'
        """
        images = f" ({', '.join(map(one_line, self.first_samples))})" if self.first_samples else ""
        rows = f" ({', '.join(map(one_line, self.first_rows))})" if self.first_rows else ""
        return f"{self.samples} images without a row in the table{images}, {self.rows} rows without an image{rows}"


class Moved(NamedTuple):
    """Images that the table puts into another split than the source; the table decides.

    Attributes:
        images: number of images.
        first: id of the first.
    """

    images: int = 0
    first: str = ""


class AttributeTable:
    """The rows of a table by id or location.

    The column ``group`` becomes the group of a sample and ``split`` its split; all columns are attributes.
    """

    def __init__(self, path: Path, splits: SplitNames = USUAL, root: Path | None = None) -> None:
        """Reads a CSV, TSV, JSON or JSON Lines table.

        Args:
            path: the table.
            splits: what the values of a column ``split`` mean.
            root: the folder of the images, below which a row may name its image by an absolute path.

        Raises:
            RequestError: with file and line: the table is wrong, has no column ``id`` or ``location``, names one image
                twice, or has an unknown split.
        """
        self._path = path
        self._root = "" if root is None else os.path.realpath(root).rstrip(os.sep) + os.sep
        self._respelled: dict[str, str] = {}
        self._splits = splits
        self._moved = Moved()
        self._rows: dict[str, Mapping[str, str]] = {}
        self._missing: list[str] = []
        self._missing_count = 0
        self._met: set[str] = set()
        key = ""
        for row in in_steps(read_table(path)):
            where = f"{one_line(path)}:{row.line}"
            key = key or _key(row, where)
            values = {name: text_of(value) for name, value in row.values.items()}
            identity = values.pop(key, "")
            if identity in self._rows:
                raise RequestError(f"{where}: a second row for {one_line(identity, 80)!r}; remove one")
            splits.check(group_and_split(values)[1], where)
            self._rows[identity] = values

    def join(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Adds the columns of its row to each sample; the sample's own values stay where the row has none."""
        if self._loose():
            samples = SampleTable.of(samples)
            self._respell(samples)
        for sample in samples:
            name = self._row_of(sample)
            values = self._rows.get(name)
            if values is None:
                if sample.status != "skipped":
                    self._missing_count += 1
                    if len(self._missing) < _SHOWN:
                        self._missing.append(sample.id)
                yield sample
                continue
            self._met.add(name)
            group, split = group_and_split(values)
            if split and sample.split and self._splits.of(split) != self._splits.of(sample.split, in_name=True):
                self._moved = Moved(self._moved.images + 1, self._moved.first or sample.id)
            yield sample._replace(
                attributes={**sample.attributes, **values}, group=group or sample.group, split=split or sample.split
            )

    def _row_of(self, sample: Sample) -> str:
        """The key of a sample's row: its id, its location, or another spelling of one of them."""
        for name in (sample.id, sample.location):
            if name in self._rows:
                return name
        if not self._respelled:
            return sample.location
        spelled = (self._respelled.get(spelling(name, self._root)) for name in (sample.id, sample.location))
        return next((name for name in spelled if name), sample.location)

    def _loose(self) -> bool:
        """Returns whether a row may name its image in another spelling."""
        return any(not name.isascii() or spelling(name, self._root) != name for name in self._rows)

    def _respell(self, samples: Iterable[Sample]) -> None:
        """Lists the rows that no image has exactly by what all their spellings have in common."""
        exact = {name for sample in samples for name in (sample.id, sample.location) if name in self._rows}
        spelled: dict[str, list[str]] = {}
        for name in self._rows:
            if name not in exact:
                spelled.setdefault(spelling(name, self._root), []).append(name)
        images = Counter(spelling(sample.id, self._root) for sample in samples if sample.status != "skipped")
        self._respelled = {
            common: names[0] for common, names in spelled.items() if len(names) == 1 and images[common] <= 1
        }

    def place_of(self, sample: Sample) -> str:
        """The place of a sample's row: file and line, or only the file when it has no row."""
        for row in read_table(self._path):
            if text_of(row.values.get(_key(row, ""), "")) in {sample.id, sample.location, self._row_of(sample)}:
                return f"{one_line(self._path)}:{row.line}"
        return f"{one_line(self._path)}: no row for {one_line(sample.id, 80)}"

    def moved(self) -> Moved:
        """Images with another split in the table than in the source; complete when `join` is exhausted."""
        return self._moved

    def unmatched(self) -> Unmatched:
        """Images and rows without a partner; complete when `join` is exhausted."""
        alone = [name for name in self._rows if name not in self._met]
        return Unmatched(self._missing_count, tuple(self._missing), len(alone), tuple(alone[:_SHOWN]))


def join_attributes(
    samples: Iterable[Sample], table: Path, splits: SplitNames = USUAL, root: Path | None = None
) -> tuple[Iterator[Sample], AttributeTable]:
    """Joins a table to samples as they come.

    Args:
        samples: of any source.
        table: CSV, TSV, JSON or JSON Lines, with a column ``id`` (or ``location``).
        splits: what the values of a column ``split`` mean.
        root: the folder of the images, below which a row may name its image by an absolute path.

    Returns:
        The samples with their attributes; and the table, whose `AttributeTable.unmatched` is complete when the
        samples have come to their end.

    Raises:
        RequestError: see `AttributeTable`.
    """
    read = AttributeTable(table, splits, root)
    return read.join(samples), read


def read_table(path: Path) -> Iterator[Row]:
    """The rows of a CSV or JSON table, by the suffix of its name."""
    return read_json(path) if is_json(path) else read_csv(path)


def is_json(path: Path) -> bool:
    """Returns whether a table is JSON, by the suffix of its name."""
    return not _JSON.isdisjoint(suffix.lower() for suffix in path.suffixes[-2:])


def spelling(name: str, root: str) -> str:
    r"""Returns a path in its normal form: ``/`` between its parts, relative to the root, composed characters.

    >>> spelling("cat\\1.jpg", ""), spelling("/data/./cat/1.jpg", "/data/")
    ('cat/1.jpg', 'cat/1.jpg')
    """
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    path = posixpath.normpath(path) if path and "://" not in path else path
    return path[len(root) :] if root and path.startswith(root) else path


def _key(row: Row, where: str) -> str:
    key = find(row.values, "id") or find(row.values, "location")
    if not key:
        there = one_line(", ".join(row.values), 120)
        raise RequestError(f"{where}: no column id or location, there are: {there}; the rows are joined by one of them")
    return key
