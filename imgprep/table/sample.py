"""One image's metadata, and the same for millions of them in columns."""

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from imgprep.table.columns import CategoryBuilder, CategoryColumn, Rows, StringBuilder, StringColumn, blocks
from imgprep.table.targets import Columns, of_rows

Status = Literal["ok", "quarantined", "skipped"]
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Sample(NamedTuple):
    """The metadata of one image before its pixels are read.

    Attributes:
        id: unique in its source, valid UTF-8; the path relative to the root with ``/``.
        location: from which the source reads it; may contain undecodable bytes as surrogates.
        label: the name of its class; '' for none (then it is not ``ok``, unless its source has no labels at all).
        attributes: further columns of a table, as text.
        group: images of one group stay in one split; '' for none.
        split: the split given by the source, as it is written there; '' for none. `sources.splits` interprets it.
        status: decided by listing alone: ``skipped`` is not an image, ``quarantined`` cannot be used.
        reason: one line that says why it is not ``ok``.
        stamp: (size in bytes, modification time in ns) of the file, to notice a change without reading it.
        original_label: the label in the source, where a decision replaced it; '' elsewhere.
    """

    id: str
    location: str
    label: str
    attributes: Mapping[str, str] = NOTHING
    group: str = ""
    split: str = ""
    status: Status = "ok"
    reason: str = ""
    stamp: tuple[int, int] = (0, 0)
    original_label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Samples that differ in name and stamp only, as those of a folder with many files.

    Attributes:
        prefix: of ids and locations, which are equal.
        names: what follows it; at least one.
        stamps: (2 N) size and time of one after the other.
        like: a sample with all else.
    """

    prefix: str
    names: Sequence[str]
    stamps: "array[int]"
    like: Sample

    def __iter__(self) -> Iterator[Sample]:
        rest, original = self.like[2:-2], self.like.original_label
        for name, stamp in zip(self.names, zip(self.stamps[::2], self.stamps[1::2], strict=True), strict=True):
            id_ = self.prefix + name
            yield Sample(id_, id_, *rest, stamp, original)


@dataclass(frozen=True, slots=True, eq=False)
class SampleTable(Sequence[Sample]):
    """Samples as columns; indexing gives a `Sample`, slicing and fancy indexing another table.

    The column of original labels is None where no label was replaced. Targets are numbers that only the columns have: a
    `Sample` says the same in its attributes.
    """

    id: StringColumn
    location: StringColumn
    label: CategoryColumn
    group: CategoryColumn
    split: CategoryColumn
    status: CategoryColumn
    reason: CategoryColumn
    stamp: NDArray[np.int64]
    attributes: Mapping[str, CategoryColumn]
    original_label: CategoryColumn | None = None
    targets: Columns = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Iterable[Sample | Alike]) -> "SampleTable":
        """Collects samples into columns as they come, so that few objects live at once."""
        builder = _Builder()
        for sample in samples:
            if isinstance(sample, Sample):
                builder.add(sample)
            else:
                builder.add_alike(sample)
        return builder.table()

    def __len__(self) -> int:
        return len(self.id)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: Rows) -> "SampleTable": ...
    def __getitem__(self, index: int | Rows) -> "Sample | SampleTable":
        if isinstance(index, (int, np.integer)):
            size, time = self.stamp[index].tolist()
            return Sample(
                self.id[index],
                self.location[index],
                self.label[index],
                {name: column[index] for name, column in self.attributes.items() if column[index]},
                self.group[index],
                self.split[index],
                self.status[index],  # type: ignore[arg-type]
                self.reason[index],
                (size, time),
                "" if self.original_label is None else self.original_label[index],
            )
        ids = self.id[index]
        return SampleTable(
            ids,
            ids if self.location is self.id else self.location[index],
            self.label[index],
            self.group[index],
            self.split[index],
            self.status[index],
            self.reason[index],
            self.stamp[index],
            {name: column[index] for name, column in self.attributes.items()},
            None if self.original_label is None else self.original_label[index],
            of_rows(self.targets, index),
        )

    def __iter__(self) -> Iterator[Sample]:
        """All rows as samples; several times faster than indexing each."""
        columns = (self.id, repeat(None, len(self)) if self.location is self.id else self.location, self.label)
        attributes = zip(*self.attributes.values(), strict=True) if self.attributes else repeat((), len(self))
        names = tuple(self.attributes)
        before = repeat("", len(self)) if self.original_label is None else self.original_label
        for id_, location, label, values, group, split, status, reason, stamp, original in zip(
            *columns, attributes, self.group, self.split, self.status, self.reason, self._stamps(), before, strict=True
        ):
            given = {name: value for name, value in zip(names, values, strict=True) if value} if values else NOTHING
            yield Sample(
                id_, id_ if location is None else location, label, given, group, split, status, reason, stamp, original
            )

    def _stamps(self) -> Iterator[tuple[int, int]]:
        for block in blocks(len(self)):
            yield from map(tuple, self.stamp[block].tolist())

    def __reduce__(self) -> tuple[object, ...]:
        # A stamp shared by all rows is pickled once.
        columns = {column.name: getattr(self, column.name) for column in fields(self)}
        columns["stamp"] = self.stamp[:1] if self.stamp.strides[0] == 0 else self.stamp
        return _restored, (columns, len(self))

    def with_columns(self, **columns: object) -> "SampleTable":
        """The same table with some columns replaced."""
        return replace(self, **columns)  # type: ignore[arg-type]

    def digest(self) -> str:
        """A hash of every value of every row; a slice of a larger table has the same hash as an equal table."""
        state = hashlib.blake2b(digest_size=16)
        for block in blocks(len(self)):
            state.update(self.stamp[block].tobytes())
        for column in (self.id, self.location):
            column.update(state)
        named = {"label": self.label, "group": self.group, "split": self.split, "status": self.status}
        attributes = {name: column for name, column in sorted(self.attributes.items()) if any(column.counts())}
        original = self.original_label
        replaced = {} if original is None or not any(original.counts()) else {"original label": original}
        for name, category in (named | {"reason": self.reason} | attributes | replaced).items():
            state.update(name.encode("utf-8", "surrogateescape"))
            category.update(state)
        for name, values in sorted(self.targets.items()):
            state.update(name.encode())
            state.update(np.ascontiguousarray(values).tobytes())
        return state.hexdigest()

    def ok(self) -> NDArray[np.bool_]:
        """(N,) whether each row has the status ``ok``."""
        return self.status.where("ok")

    def images(self) -> int:
        """The number of images, usable or not: all rows but the skipped ones."""
        return len(self) - int(np.count_nonzero(self.status.where("skipped")))

    def classes(self) -> tuple[str, ...]:
        """The labels of all images, in index order: see `sort_classes`."""
        labels = self.label[~self.status.where("skipped")].counts()
        return sort_classes(label for label in labels if label)


def sort_classes(labels: Iterable[str]) -> tuple[str, ...]:
    """Puts class names in index order: as numbers when all are decimal numbers, else by code point.

    >>> sort_classes(["10", "9", "-0.5"]), sort_classes(["pear", "Apple"])
    (('-0.5', '9', '10'), ('Apple', 'pear'))
    """
    names = set(labels)
    if all(map(_NUMBER.fullmatch, names)):
        return tuple(sorted(names, key=lambda name: (Decimal(name), name)))
    return tuple(sorted(names))


def _restored(columns: dict[str, Any], rows: int) -> SampleTable:
    return SampleTable(**columns | {"stamp": np.broadcast_to(columns["stamp"], (rows, 2))})


class _Builder:
    """Builds the columns of a `SampleTable` incrementally."""

    def __init__(self) -> None:
        self.rows = 0
        self.id = StringBuilder()
        self.location: StringBuilder | None = None
        self.label, self.group, self.split, self.status, self.reason = (CategoryBuilder() for _ in range(5))
        self.stamp = (0, 0)
        self.stamps: array[int] = array("q")
        self.attributes: dict[str, CategoryBuilder] = {}
        self.original_label: CategoryBuilder | None = None

    def add(self, sample: Sample) -> None:
        if self.location is None and sample.location != sample.id:
            self.location = self.id.copy()
        self.id.add(sample.id)
        if self.location is not None:
            self.location.add(sample.location)
        self.label.add(sample.label)
        self.group.add(sample.group)
        self.split.add(sample.split)
        self.status.add(sample.status)
        self.reason.add(sample.reason)
        self._add_stamp(sample.stamp)
        if sample.attributes or self.attributes:
            self._add_attributes(sample.attributes)
        if sample.original_label and self.original_label is None:
            self.original_label = CategoryBuilder(self.rows)
        if self.original_label is not None:
            self.original_label.add(sample.original_label)
        self.rows += 1

    def add_alike(self, alike: Alike) -> None:
        """Adds samples that have most in common."""
        like, count = alike.like, len(alike.names)
        for texts in (self.id,) if self.location is None else (self.id, self.location):
            texts.add_all(alike.prefix, alike.names)
        for column in ("label", "group", "split", "status", "reason"):
            getattr(self, column).add(getattr(like, column), count)
        if not self.stamps:
            self.stamps = array("q", self.stamp) * self.rows
        self.stamps.extend(alike.stamps)
        if like.attributes or self.attributes:
            self._add_attributes(like.attributes, count)
        if self.original_label is not None:
            self.original_label.add("", count)
        self.rows += count

    def _add_stamp(self, stamp: tuple[int, int]) -> None:
        """Stores one stamp as long as all are equal: rows of an array share that of their file, or have none."""
        if not self.stamps:
            if not self.rows:
                self.stamp = stamp
            if stamp == self.stamp:
                return
            self.stamps = array("q", self.stamp) * self.rows
        self.stamps.extend(stamp)

    def _add_attributes(self, attributes: Mapping[str, str], count: int = 1) -> None:
        for name in attributes:
            if name not in self.attributes:
                self.attributes[name] = CategoryBuilder(self.rows)
        for name, codes in self.attributes.items():
            codes.add(attributes.get(name, ""), count)

    def table(self) -> SampleTable:
        ids = self.id.column()
        same = np.broadcast_to(np.array(self.stamp, np.int64), (self.rows, 2))
        return SampleTable(
            ids,
            ids if self.location is None else self.location.column(),
            self.label.column(),
            self.group.column(),
            self.split.column(),
            self.status.column(),
            self.reason.column(),
            np.asarray(self.stamps).reshape(-1, 2) if self.stamps else same,
            {name: codes.column() for name, codes in self.attributes.items()},
            None if self.original_label is None else self.original_label.column(),
        )
