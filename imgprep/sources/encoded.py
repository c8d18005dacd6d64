"""Sources with encoded images in shards, each image with its label beside it: what WebDataset and Parquet share."""

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from annotated_types import MinLen

from imgprep.errors import RequestError, one_line
from imgprep.sources.arrays import ClassNames, check_class_names
from imgprep.sources.base import CONTROL, InStores, Source, safe_text
from imgprep.sources.file_cache import FileSource
from imgprep.sources.label_from import Labels, check_labels, find_labels
from imgprep.sources.links import Links
from imgprep.sources.row_label import row_label
from imgprep.sources.shard_files import ShardFile, is_pattern, root_of_shards, shard_files
from imgprep.sources.splits import Unknown
from imgprep.table.sample import NOTHING, Sample, SampleTable

Column = Annotated[str, MinLen(1)]


class Entry(NamedTuple):
    """One image as a shard describes it.

    Attributes:
        name: of the image in the shard; the id where the shard gives none.
        label: the class: its name, or its number.
        stamp: of the image.
        id: as the shard gives it; '' for none.
        attributes: further columns, as text.
        group: of the image; '' for none.
        split: as it is written; '' for that of the shard.
        parent: id of the image of which it is a copy; '' for none.
        skipped: why it is no image; '' when it is one.
        refused: why it cannot be used; '' when it can.
    """

    name: str
    label: object
    stamp: tuple[int, int]
    id: str = ""
    attributes: Mapping[str, str] = NOTHING
    group: str = ""
    split: str = ""
    parent: str = ""
    skipped: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Encoded(FileSource):
    """Encoded images in shards.

    Attributes:
        path: the folder of the shards, one of them, or a pattern, as ``train-{000..031}.tar`` or ``*.tar``.
        class_names: the names of the classes 0, 1, 2, ..., where the shards have numbers only.
        follow_links: whether links may lead out of the folder.
        labels: inferred from the shards; or none, and then the images can be audited only.
        label_from: a regular expression that finds the label in the id of an image instead: its group called label,
            or its only one.
    """

    unknown_split: ClassVar[Unknown] = "none"
    in_stores: ClassVar[InStores] = "file"
    suffixes: ClassVar[tuple[str, ...]]

    path: Path
    class_names: ClassNames | None = None
    follow_links: Links = "inside"
    labels: Labels = field(default="inferred", repr=False)
    label_from: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_class_names(self.class_names or ())
        check_labels(self.labels, self.label_from)

    @property
    def isolated(self) -> bool:
        """Always true; see `Source`."""
        return True

    @property
    def labelled(self) -> bool:
        """See `Source.labelled`."""
        return self.labels != "none"

    @abstractmethod
    def entries(self, shard: ShardFile) -> Iterator[Entry]:
        """Lists the images of one shard, in its order.

        Raises:
            RequestError: it has no images or labels where they are looked for.
            SourceError: it is damaged or hostile.
        """

    def samples(self) -> Iterator[Sample]:
        """Lists the images of all shards; see `Source.samples`."""
        listing = _Listing(self)
        table = SampleTable.of(listing.samples(shard_files(self.path, self.suffixes, self.follow_links)))
        # An image and its copies are a group, so that they never part; that there are copies shows at the end only.
        listed: Iterable[Sample] = table
        if listing.find_copies():
            listed = (each._replace(group=each.group or listing.origin(each.id)) for each in table)
        return iter(listed) if self.label_from is None else find_labels(listed, self.label_from)

    @classmethod
    def stored_files(cls, folder: Path, names: Sequence[str]) -> Mapping[str, str]:
        """See `Source.stored_files`."""
        return Source.stored_files(folder, [name for name in names if name.lower().endswith(cls.suffixes)])

    def missing(self) -> bool:
        """A pattern is looked up when the source is listed; see `Source.missing`."""
        return not os.path.lexists(self.path) and not is_pattern(self.path)

    def classes(self) -> tuple[str, ...] | None:
        """The given names."""
        return self.class_names

    def file_of(self, sample: Sample) -> Path | None:
        """Always None; see `Source.file_of`."""
        del sample
        return None

    def shard_of(self, sample: Sample) -> tuple[Path, str]:
        """The shard of a sample, and its place in there."""
        ends = (sample.location.lower().find(f"{suffix}#") + len(suffix) for suffix in self.suffixes)
        end = min(end for end, suffix in zip(ends, self.suffixes, strict=True) if end >= len(suffix))
        return root_of_shards(self.path) / sample.location[:end], sample.location[end + 1 :]


class _Listing:
    """Turns the entries of shards into samples with unique ids."""

    def __init__(self, source: Encoded) -> None:
        self.source = source
        self.parents: dict[str, str] = {}
        self.ids: set[str] = set()

    def samples(self, shards: Iterable[ShardFile]) -> Iterator[Sample]:
        wanted = self.source.labelled and self.source.label_from is None
        for shard in shards:
            where = one_line(shard.path)
            for number, entry in enumerate(self.source.entries(shard)):
                label, reason = self._label(entry.label, f"{where}: image {number}") if wanted else ("", "")
                location, identity = f"{shard.name}#{entry.name}", self._id(entry, shard)
                if entry.skipped:
                    yield Sample(identity, location, "", status="skipped", reason=entry.skipped, stamp=entry.stamp)
                    continue
                if reason := entry.refused or reason:
                    yield Sample(identity, location, "", status="quarantined", reason=reason, stamp=entry.stamp)
                    continue
                if entry.parent:
                    self.parents[identity] = entry.parent
                    self.parents.setdefault(entry.parent, entry.parent)
                split = entry.split or shard.split
                yield Sample(identity, location, label, entry.attributes, entry.group, split, stamp=entry.stamp)

    def find_copies(self) -> bool:
        """Looks for copies by their ids too, ``ID#1`` beside ``ID``; returns whether there are any."""
        for identity in self.ids:
            parent, _, number = identity.rpartition("#")
            if number.isdigit() and parent in self.ids and identity not in self.parents:
                self.parents[identity] = self.parents[parent] = self.parents.get(parent, parent)
        return bool(self.parents)

    def origin(self, identity: str) -> str:
        """The original of an image that is a copy or has copies; '' for others."""
        return self.parents.get(identity, "")

    def _label(self, value: object, where: str) -> tuple[str, str]:
        if isinstance(value, int) and not isinstance(value, bool) and self.source.class_names is not None:
            names = self.source.class_names
            if not 0 <= value < len(names):
                raise RequestError(
                    f"{where}: label {value}, but {len(names)} classes are named; name every class in source.classes"
                )
            return names[value], ""
        return row_label(value, where)

    def _id(self, entry: Entry, shard: ShardFile) -> str:
        given = entry.id if not CONTROL.search(entry.id) else ""
        place = safe_text(f"{shard.name}#{entry.name}")
        identity = place if not given or given in self.ids else given
        count, unique = 1, identity
        while unique in self.ids:
            count += 1
            unique = f"{identity}#{count}"
        self.ids.add(unique)
        return unique
