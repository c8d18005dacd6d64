"""Interprets the splits given by a source, for all layouts."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from typing import ClassVar, Literal, NamedTuple, Protocol, cast

import numpy as np

from imgprep.errors import one_line
from imgprep.sources.split_names import HELD_OUT, SKIP, TEST, VALIDATION, SplitNames, UnclearSplitError, as_key
from imgprep.table.columns import CategoryColumn
from imgprep.table.sample import Alike, Sample, SampleTable

Unknown = Literal["refuse", "skip", "none", "keep"]
"""Treatment of an unknown name of a split: an error, images to skip, no split, or a split of that name."""


class Listable(Protocol):
    """The part of a source that `SplitReader` needs."""

    unknown_split: ClassVar[Unknown]

    def place_of(self, row: int) -> str:
        """The place that describes the sample of a row."""
        ...


class Blank(NamedTuple):
    """An image without a split among images that have one.

    Attributes:
        row: of the table, from 0 on.
        sample: the image.
    """

    row: int
    sample: Sample


class SplitReader:
    """Interprets the splits given with samples.

    Args:
        names: meanings of the names.
        source: of the samples.
    """

    def __init__(self, names: SplitNames, source: Listable) -> None:
        self._names = names
        self._source = source
        self._known: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._rows = 0
        self.blank: Blank | None = None

    def read(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Yields the samples with a split in place of its name in the source.

        Raises:
            UnclearSplitError: a name is not understood, with the place where it is written.
        """
        if self._names.ignored:
            yield from (sample._replace(split="") if sample.split else sample for sample in samples)
            return
        for row, sample in enumerate(samples, self._rows):
            self._rows = row + 1
            name = sample.split
            split = self._known.get(name)
            if split is None:
                split = self._known[name] = self._meaning(row, name)
            if sample.status != "ok":
                yield sample._replace(split="") if name else sample
            elif split == SKIP:
                self._skipped[name] += 1
                yield sample._replace(label="", split="", status="skipped", reason=self._reason(name))
            else:
                self._counts[name] += 1
                if not split and self.blank is None:
                    self.blank = Blank(row, sample)
                yield sample if split == name else sample._replace(split=split)

    def read_together(self, entries: Iterable[Sample | Alike]) -> Iterator[Sample | Alike]:
        """The same for samples of which some are listed together."""
        for kind, group in groupby(entries, type):
            if kind is Sample:
                yield from self.read(cast("Iterator[Sample]", group))
            else:
                yield from map(self._read_alike, cast("Iterator[Alike]", group))

    def _read_alike(self, entry: Alike) -> Alike:
        (first,) = self.read(islice(entry, 1))
        others = len(entry.names) - 1
        self._rows += others
        if entry.like.status == "ok" and not self._names.ignored:
            counts = self._counts if first.status == "ok" else self._skipped
            counts[entry.like.split] += others
        return replace(entry, like=first)

    def resolved(self, table: SampleTable) -> SampleTable:
        """Resolves words such as eval in the table of the samples, by the other splits present.

        Raises:
            UnclearSplitError: their meaning is unclear.
        """
        column = table.split
        if self._skipped and not self._counts and not all(map(self._chosen, self._skipped)):
            names = ", ".join(sorted(self._skipped))
            raise UnclearSplitError(
                f"{self._source.place_of(0)}: none of {one_line(names, 80)} is a known split; call them train, "
                f"validation and test, or say what they are: source.splits: {{{as_key(min(self._skipped))}: train}}"
            )
        if HELD_OUT not in column.values:
            return table
        others = set(column.counts())
        if {TEST, VALIDATION} <= others:
            where = self._source.place_of(int(np.flatnonzero(column.where(HELD_OUT))[0]))
            words = ", ".join(name for name, split in self._known.items() if split == HELD_OUT)
            raise UnclearSplitError(
                f"{where}: {one_line(words, 80)} could mean validation or test, and there are both; "
                f"say which: source.splits: {{{as_key(words.split(', ')[0])}: test}}"
            )
        meaning = VALIDATION if TEST in others else TEST
        self._known |= {name: meaning for name, split in self._known.items() if split == HELD_OUT}
        values = tuple(dict.fromkeys(meaning if value == HELD_OUT else value for value in column.values))
        places = [values.index(meaning if value == HELD_OUT else value) for value in column.values]
        codes = np.asarray(places, np.uint8)[column.codes]  # there are few words that mean splits
        return table.with_columns(split=CategoryColumn(codes, values))

    @property
    def ignored(self) -> bool:
        """True if the spec ignores given splits."""
        return self._names.ignored

    def given(self) -> bool:
        """Returns whether any image has a split."""
        return any(self._known[name] for name in self._counts)

    def notes(self) -> Iterator[str]:
        """Notes on names that are not splits literally: their interpretation and merged names."""
        read = {name: split for name, split in self._known.items() if split and self._counts[name]}
        plain = all(name.strip().casefold() == split for name, split in read.items())
        if read and (not plain or len(set(read.values())) < len(read)):
            shown = (f"{_shown(name)} as {read[name]} ({self._counts[name]} images)" for name in sorted(read))
            yield f"given splits: read {', '.join(shown)}"
        for split in sorted(set(read.values())):
            if len(names := sorted(name for name in read if read[name] == split)) > 1:
                yield f"given splits: {' and '.join(map(_shown, names))} are merged into {split}"

    def _meaning(self, row: int, name: str) -> str:
        policy = self._source.unknown_split
        found = self._names.of(name, in_name=policy in {"skip", "none"})
        if found or not name.strip():
            return found
        if policy == "refuse":
            self._names.check(name, self._source.place_of(row))
        return SKIP if policy == "skip" else "" if policy == "none" else name

    def _chosen(self, name: str) -> bool:
        """Returns whether the spec skips a name explicitly."""
        return self._names.of(name, in_name=True) == SKIP

    def _reason(self, name: str) -> str:
        if self._chosen(name):
            return "left out by source.splits"
        return f"{one_line(name, 40)!r} is not a known split; source.splits can say which it is"


def _shown(name: str) -> str:
    return repr(one_line(name, 40)) if name.strip() else "blanks"
