"""Images listed in a table: CSV, TSV, JSON, JSON Lines; as local files, remote files, or pixels in the table itself."""

import os
import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Final, NamedTuple, Self

from annotated_types import Len, MinLen
from numpy.typing import NDArray

from imgprep.archives.files import file_digest, file_stamp, open_seekable
from imgprep.archives.opening import inside
from imgprep.errors import ImageError, RequestError, one_line
from imgprep.sources.base import InStores, Pixels, group_and_split, text_of
from imgprep.sources.common_cause import CommonCause
from imgprep.sources.confined_paths import check_extension
from imgprep.sources.csvtable import Row, no_column, read_csv
from imgprep.sources.file_cache import FileSource
from imgprep.sources.inline_pixels import parse_numbers, parse_pixels, to_numbers, to_pixels
from imgprep.sources.jsontable import find, parse_object, read_json
from imgprep.sources.label_from import Labels, check_labels, find_labels
from imgprep.sources.links import Links
from imgprep.sources.remote import Connections, Remote, fetch, forget
from imgprep.sources.row_label import label_cause, row_label
from imgprep.sources.trees import tree_of
from imgprep.table.sample import NOTHING, Sample, Status
from imgprep.util.addresses import address_of, is_address

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://|(data|file|ftp|javascript|blob):", re.IGNORECASE)
_LABEL: Final = "label"
_EMBEDDED: Final = re.compile(r"#\d+@(\d+)\+(\d+)")

Column = Annotated[str, MinLen(1)]


class _Connected(FileSource):
    """A source that keeps its connections open, as it does its files."""

    __slots__ = ("_connections",)

    _connections: Connections

    def __new__(cls, *_: object, **__: object) -> Self:
        """Makes the source with no connection yet."""
        source = super().__new__(cls)
        object.__setattr__(source, "_connections", Connections())
        return source


@dataclass(frozen=True, slots=True)
class Table(_Connected):
    """A table with a row for each image; a layout reads its rows, and the pixels in them.

    Attributes:
        path: the table; one in an archive as ``images.zip/labels.csv``.
        label_column: the column of the class (in JSON its key), in any case of letters.
        location_column: the column of the image: a path, an http(s) address, or the pixels as
            a nested list.
        remote: how remote images are fetched.
        image_root: the folder or archive that paths are relative to; that of the table when omitted.
        extension: of the files, where the paths in the table have none.
        follow_links: whether links may lead out of that folder.
        split_column: the column of the split; one called split when omitted.
        labels: inferred from the column; or none, and then the images can be audited only.
        label_from: a regular expression that finds the label in the location of an image instead: its group called
            label, or its only one.
    """

    in_stores: ClassVar[InStores] = "table"

    path: Path
    label_column: Column = _LABEL
    location_column: Column = "location"
    remote: Remote = field(default_factory=Remote)
    image_root: Path | None = None
    extension: Column | None = None
    follow_links: Links = "inside"
    # Splits and labels are in what is listed, so that results do not depend on how they were found.
    split_column: Column | None = field(default=None, repr=False)
    labels: Labels = field(default="inferred", repr=False)
    label_from: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_extension(self.extension)
        check_labels(self.labels, self.label_from)
        if not self.label_key and self.label_column != _LABEL:
            raise RequestError("label_column: is not read where labels or label_from says otherwise; leave one out")

    @property
    def labelled(self) -> bool:
        """See `Source.labelled`."""
        return self.labels != "none"

    @property
    def label_key(self) -> str:
        """The column of the label; '' where it comes from elsewhere, or there is none."""
        return self.label_column if self.labelled and self.label_from is None else ""

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """The rows of the table."""

    @abstractmethod
    def cell(self, text: bytes) -> bytes | list[Any]:
        """The pixels in a span of a row: as text, or as nested lists."""

    @property
    def isolated(self) -> bool:
        """When it is gzipped, or it or the images are in an archive: see `Source`."""
        return self.path.suffix.lower() == ".gz" or any(map(inside, (self.path, self.folder)))

    @property
    def folder(self) -> Path:
        """The folder that paths are relative to."""
        return self.image_root or self.path.parent

    @staticmethod
    def open_file(path: Path) -> IO[bytes]:
        """See `FileSource.open_file`."""
        return open_seekable(path)

    def samples(self) -> Iterator[Sample]:
        """Lists the rows; see `Source.samples`."""
        listed = _Listing(self).samples(self.rows())
        return listed if self.label_from is None else find_labels(listed, self.label_from, slashes=True)

    def read(self, sample: Sample) -> bytes | Pixels:
        """Reads one image; see `Source.read`."""
        found = self._cell_of(sample)
        if found is None:
            return self._file(sample)
        cell, text = found
        return parse_pixels(cell) if isinstance(cell, bytes) else to_pixels(cell, text)

    def numbers(self, sample: Sample) -> bytes | NDArray[Any]:
        """Reads one image; see `Source.numbers`."""
        found = self._cell_of(sample)
        if found is None:
            return self._file(sample)
        cell, text = found
        return parse_numbers(cell) if isinstance(cell, bytes) else to_numbers(cell, text)

    def forget(self, sample: Sample) -> bool:
        """Drops what was fetched; see `Source.forget`."""
        if _SCHEME.match(sample.location) is None:
            return False
        forget(sample.location, self.remote)
        return True

    def table(self) -> Path:
        """The table itself."""
        return self.path

    def place_of(self, row: int) -> str:
        """File and line; see `Source.place_of`. The table is read again, for a message only."""
        return f"{one_line(self.path)}:{next(islice(self.rows(), row, None)).line}"

    def digest(self) -> str:
        """Size and time of the table."""
        return file_digest(self.path)

    def _cell_of(self, sample: Sample) -> tuple[bytes | list[Any], bytes] | None:
        """The pixels in the table, and the text that they are in; None for an image in a file of its own."""
        found = _EMBEDDED.fullmatch(sample.location)
        if found is None:
            return None
        file = self._files(os.fspath(self.path), sample.stamp)
        file.seek(int(found[1]))
        text = file.read(int(found[2]))
        return self.cell(text), text

    def _file(self, sample: Sample) -> bytes:
        if _SCHEME.match(sample.location):
            return fetch(sample.location, self.remote, self._connections)
        return tree_of(self.folder).read(sample.location, sample.stamp)


@dataclass(frozen=True, slots=True)
class Csv(Table):
    """A table with a row for each image: CSV, TSV, and both gzipped.

    Attributes:
        delimiter: one character; by default a tab for ``.tsv`` and a comma for everything else.
    """

    layout: ClassVar[str] = "csv"

    delimiter: Annotated[str, Len(1, 1)] | None = None

    def rows(self) -> Iterator[Row]:
        """See `Table.rows`."""
        return read_csv(self.path, self.delimiter, pixels=self.location_column, typed=self.label_key)

    def cell(self, text: bytes) -> bytes:
        """See `Table.cell`; the span is the field."""
        return text


@dataclass(frozen=True, slots=True)
class Json(Table):
    """A table with an object for each image: a JSON array, or JSON Lines, and both gzipped."""

    layout: ClassVar[str] = "json"

    def rows(self) -> Iterator[Row]:
        """See `Table.rows`."""
        return read_json(self.path, pixels=self.location_column)

    def cell(self, text: bytes) -> bytes | list[Any]:
        """See `Table.cell`; the span is the whole object."""
        try:
            record = parse_object(text, one_line(self.path))
        except RequestError as error:
            raise ImageError(f"the table changed since it was listed: {error}") from None
        value: Any = record.get(find(record, self.location_column))
        return value.encode() if isinstance(value, str) else value


class _Place(NamedTuple):
    """The place of a row's image: `Sample`'s id, location, reason and stamp; and a failure's cause, as in `Found`."""

    id: str
    location: str
    reason: str = ""
    stamp: tuple[int, int] = (0, 0)
    cause: str = ""


class _Listing:
    """Turns rows into samples with unique ids."""

    def __init__(self, table: Table) -> None:
        self.path = table.path
        self.label = table.label_key
        self.location = table.location_column
        self.split = table.split_column
        self.root = f"{address_of(table.folder)}/" if is_address(table.folder) else ""
        self.files = tree_of(table.folder).found_by(check_extension(table.extension), table.follow_links)
        self.elsewhere = (
            f"only http and https addresses are fetched{f', and those below {self.root}' * bool(self.root)}"
        )
        self.common = CommonCause("rows")
        self.ids: set[str] = set()
        self.repeats: dict[str, int] = {}

    def samples(self, rows: Iterator[Row]) -> Iterator[Sample]:
        stamp, path = file_stamp(self.path), one_line(self.path)
        for number, row in enumerate(rows):
            where = f"{path}:{row.line}"
            values = row.values
            label, reason = "", ""
            if self.label:
                label, reason = row_label(values.pop(self.key(values, self.label, where)), where)
            if row.span:
                place = _Place(f"{self.path.name}#{number}", f"#{number}@{row.span[0]}+{row.span[1]}", "", stamp)
            else:
                place = self.place(values.pop(self.key(values, self.location, where)), number, where)
            cause = place.cause or place.reason or label_cause(reason)
            reason = place.reason or reason
            self.common.saw(where, cause, reason)
            attributes = {name: text_of(value) for name, value in values.items()} if values else NOTHING
            group, split = group_and_split(attributes)
            if self.split is not None:
                split = text_of(row.values[self.key(row.values, self.split, where)]).strip()
            status: Status = "quarantined" if reason else "ok"
            yield Sample(
                self.unique(place.id), place.location, label, attributes, group, split, status, reason, place.stamp
            )

    def key(self, values: dict[str, object], column: str, where: str) -> str:
        if name := find(values, column):
            return name
        raise RequestError(f"{where}: {no_column(column, values, labels=column == self.label)}")

    def place(self, value: object, number: int, where: str) -> _Place:
        if not isinstance(value, str) or not value:
            return _Place(f"{self.path.name}#{number}", "", "no location")
        inside = bool(self.root) and value.startswith(self.root)
        if not inside and (scheme := _SCHEME.match(value)):
            allowed = (scheme[1] or "").lower() in {"http", "https"}
            return _Place(value, value, "" if allowed else self.elsewhere)
        found = self.files.find(value.removeprefix(self.root) if inside else value)
        # A file whose name looks like the place of pixels in the table is distinguished by its folder.
        location = f"./{found.location}" if found.location.startswith("#") else found.location
        return _Place(value, location, found.reason, found.stamp, found.cause)

    def unique(self, identity: str) -> str:
        # The count continues from the last one: a table may name one image in each of a million rows.
        name, count = identity, self.repeats.get(identity, 1)
        while name in self.ids:
            count += 1
            name = f"{identity}#{count}"
        if count > 1:
            self.repeats[identity] = count
        self.ids.add(name)
        return name
