"""Parquet files with embedded images, in the schema of Hugging Face's datasets."""

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final

from imgprep.archives.files import file_stamp
from imgprep.arrays.files import refusing
from imgprep.arrays.progress_hook import step
from imgprep.decoding.files import MAX_BYTES
from imgprep.errors import ImageError, RequestError, SourceError, one_line
from imgprep.sources.arrays import check_class_names
from imgprep.sources.base import text_of
from imgprep.sources.encoded import Column, Encoded, Entry
from imgprep.sources.jsontable import find
from imgprep.sources.shard_files import ShardFile, shard_files
from imgprep.table.sample import Sample

_BATCH: Final = 16
"""Images that are taken from a row group at once; pyarrow holds the pages that they are in."""
_LISTED: Final = 4096
"""Rows that are listed at once."""
_NO_ATTRIBUTE: Final = frozenset({"id", "group", "split", "parent", "sha256"})


@dataclass(frozen=True, slots=True)
class Parquet(Encoded):
    """Parquet files with a column of images, ``{bytes, path}`` or plain bytes, and one of labels.

    Labels are texts, or numbers: of the names that Hugging Face's metadata give, else as they are. Columns ``id``,
    ``group`` and ``split`` are understood; other columns of texts and numbers are attributes.

    Attributes:
        label_column: the column of the labels, in any case of letters.
        image_column: the column of the images.
    """

    layout: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    label_column: Column = "label"
    image_column: Column = "image"

    def entries(self, shard: ShardFile) -> Iterator[Entry]:
        """See `Encoded.entries`."""
        file, stamp = open_parquet(shard.path), file_stamp(shard.path)
        try:
            columns = _Columns(file, self, shard.path)
            row = 0
            for batch in columns.listed(_LISTED):
                step()
                for values in batch:
                    yield columns.entry(row, values, stamp)
                    row += 1
        finally:
            file.close()

    def read(self, sample: Sample) -> bytes:
        """Reads the image of a row; see `Source.read`."""
        path, row = self.shard_of(sample)
        reader: _Images = self._files(str(path), sample.stamp)
        data = reader.row(int(row), self.image_column)
        if not data:
            raise ImageError("no bytes in the row" if data is None else "empty file")
        if len(data) > MAX_BYTES:
            raise ImageError(f"file of {len(data)} bytes is over the limit of {MAX_BYTES} bytes")
        return data

    @staticmethod
    def open_file(path: Path) -> "_Images":
        """See `FileSource.open_file`."""
        return _Images(path)

    def classes(self) -> tuple[str, ...] | None:
        """The given names, or those of the first file's metadata."""
        if self.class_names is not None or not self.labelled or self.label_from is not None:
            return self.class_names
        first = shard_files(self.path, self.suffixes, self.follow_links)[0]
        file = open_parquet(first.path)
        try:
            return _class_names(file, self.label_column)
        finally:
            file.close()


def open_parquet(path: Path) -> Any:
    """Opens a Parquet file; only its footer is read.

    Raises:
        RequestError: pyarrow is not installed.
        SourceError: it is damaged or no Parquet file.
    """
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        raise RequestError(f"{one_line(path)}: pyarrow is not installed: pip install 'imgprep[parquet]'") from None
    with refusing(str(path)):
        return parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False, memory_map=False)


class _Columns:
    """The columns of a file, but for the bytes of the images."""

    def __init__(self, file: Any, source: Parquet, path: Path) -> None:
        self._file = file
        self._path = path
        schema = file.schema_arrow
        names = dict.fromkeys(schema.names)
        self._where = one_line(path)
        leaf_of_images(file, source.image_column, self._where)
        image = find(names, source.image_column)
        self._label = ""
        if source.labelled and source.label_from is None:
            self._label = find(names, source.label_column)
            if not self._label:
                there = one_line(", ".join(names), 120)
                raise RequestError(
                    f"{self._where}: no column {source.label_column!r}, there are: {there}; name it as "
                    "source.label_column"
                )
        self._names = source.class_names or _class_names(file, self._label)
        others = [name for name in names if name not in {image, self._label}]
        self._classes = {name: classes for name in others if (classes := _class_names(file, name))}
        wanted = {self._label, *self._classes, *(name for name in others if _is_plain(schema.field(name)))}
        self._read = [name for name in names if name in wanted]

    def listed(self, rows: int) -> Iterator[list[Mapping[str, Any]]]:
        """The rows of the file, so many at once."""
        if not self._read:
            for start in range(0, self._file.metadata.num_rows, rows):
                yield [{}] * min(rows, self._file.metadata.num_rows - start)
            return
        batches = self._file.iter_batches(batch_size=rows, columns=self._read)
        while True:
            with refusing(str(self._path)):
                batch = next(batches, None)
                found = None if batch is None else batch.to_pylist()
            if found is None:
                return
            yield found

    def entry(self, row: int, values: Mapping[str, Any], stamp: tuple[int, int]) -> Entry:
        """The image of a row."""
        label = values.get(self._label)
        if self._names is not None and isinstance(label, int) and not isinstance(label, bool):
            if not -1 <= label < len(self._names):
                raise RequestError(
                    f"{self._where}: label {label} in row {row}, but {len(self._names)} classes are named; name every "
                    "class in source.classes"
                )
            label = self._names[label] if label >= 0 else None  # Hugging Face's -1 is no label
        known = {name.casefold(): text_of(values[name]) for name in values if name.casefold() in _NO_ATTRIBUTE}
        attributes = {
            name: text_of(_named(value, self._classes[name]) if name in self._classes else value)
            for name, value in values.items()
            if name != self._label and name.casefold() not in _NO_ATTRIBUTE
        }
        about = {name: known.get(name, "").strip() for name in ("id", "group", "split", "parent")}
        return Entry(str(row), label, stamp, attributes=attributes, **about)


class _Images:
    """The images of an open file, of which a few are in memory, those that follow each other at the least cost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_parquet(path)
        metadata = self._file.metadata
        self._starts = [0]
        for group in range(metadata.num_row_groups):
            self._starts.append(self._starts[-1] + metadata.row_group(group).num_rows)
        self._batches: Iterator[Any] = iter(())
        self._first, self._end, self._values = -1, -1, list[Any]()  # nothing is in memory

    def close(self) -> None:
        """Closes the file."""
        self._batches = iter(())
        self._file.close()

    def row(self, row: int, column: str) -> bytes | None:
        """The bytes of an image."""
        if not 0 <= row < self._starts[-1]:
            raise SourceError(f"{one_line(self._path)}: row {row} is gone; the file changed since it was listed")
        group = bisect_right(self._starts, row) - 1
        inside = self._starts[group] <= self._first < self._starts[group + 1]
        if row < self._first or not inside:
            leaf = leaf_of_images(self._file, column, one_line(self._path))
            with refusing(str(self._path)):
                self._batches = self._file.iter_batches(batch_size=_BATCH, row_groups=[group], columns=[leaf])
            self._first = self._end = self._starts[group]
            self._values = []
        while row >= self._end:
            with refusing(str(self._path)):
                batch = next(self._batches, None)
                values = [] if batch is None else batch.column(0).to_pylist()
            if not values:
                raise SourceError(f"{one_line(self._path)}: row {row} is gone; the file changed since it was listed")
            self._first, self._end, self._values = self._end, self._end + len(values), values
        value = self._values[row - self._first]
        return value.get("bytes") if isinstance(value, dict) else value


def leaf_of_images(file: Any, column: str, where: str) -> str:
    """The name by which the bytes of the images are read.

    Raises:
        RequestError: there is no such column, or it holds no images.
    """
    types, schema = import_module("pyarrow").types, file.schema_arrow
    name = find(dict.fromkeys(schema.names), column)
    if not name:
        there = one_line(", ".join(schema.names), 120)
        raise RequestError(f"{where}: no column {column!r}, there are: {there}; name it as source.image_column")
    kind = schema.field(name).type
    if types.is_binary(kind) or types.is_large_binary(kind):
        return name
    inner = [kind.field(number) for number in range(kind.num_fields)] if types.is_struct(kind) else []
    if any(each.name == "bytes" and (types.is_binary(each.type) or types.is_large_binary(each.type)) for each in inner):
        return f"{name}.bytes"
    raise RequestError(f"{where}: the column {name!r} is {one_line(kind, 80)}; images are {{bytes, path}}, or bytes")


def columns_of_images(file: Any) -> tuple[list[str], list[str], list[str]]:
    """The names of all columns of an open file, of those that hold images, and of those whose classes have names."""
    names = list(file.schema_arrow.names)
    images = []
    for name in names:
        with suppress(RequestError):
            leaf_of_images(file, name, "")
            images.append(name)
    return names, images, [name for name in names if _class_names(file, name)]


def _named(value: Any, classes: tuple[str, ...]) -> Any:
    """The class of an index, or of each of a list of them; what is none stays as it is, and -1 is none at all."""
    if isinstance(value, list):
        return [_named(each, classes) for each in value]
    if not isinstance(value, int) or isinstance(value, bool) or value >= len(classes):
        return value
    return classes[value] if value >= 0 else None


def _is_plain(field: Any) -> bool:
    types, kind = import_module("pyarrow").types, field.type
    kind = kind.value_type if types.is_dictionary(kind) else kind  # a category of pandas
    tests = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    return any(test(kind) for test in tests)


def _class_names(file: Any, label: str) -> tuple[str, ...] | None:
    """The names of the classes in Hugging Face's metadata; None where they give none.

    Raises:
        RequestError: they cannot be names of classes.
    """
    try:
        info = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])
        features = info["info"]["features"]
        feature = features[find(features, label)]
        names = (feature.get("feature") or feature)["names"]
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        return None
    check_class_names(tuple(names))
    return tuple(names)
