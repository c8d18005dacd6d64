"""Images in folders: one folder per class, pre-split folders, or a hierarchy of classes; or the names say the class."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge

from imgprep.archives.opening import inside
from imgprep.errors import RequestError
from imgprep.sources.base import InStores, Source, check_class
from imgprep.sources.label_from import Labels, check_labels, find_labels
from imgprep.sources.links import Links
from imgprep.sources.split_names import split_in_name
from imgprep.sources.splits import Unknown
from imgprep.sources.trees import FileTree, tree_of
from imgprep.sources.walk import Place
from imgprep.table.sample import Alike, Sample

LOOSE = Place(status="skipped", reason="not in a class folder")
NO_SPLIT = Place(status="skipped", reason="not in the folder of a split")


@dataclass(frozen=True, slots=True)
class Folders(Source):
    """Files in folders, which say where an image belongs.

    Attributes:
        path: the root: a folder, an archive (zip, tar, tar.gz), or a folder in one, as ``images.zip/train``.
        follow_links: whether links may lead out of the root.
        labels: inferred from the folders; or none, and then the images can be audited only.
        label_from: a regular expression that finds the label in the path of a file instead, relative to the root:
            its group called label, or its only one.
    """

    reads_named: ClassVar[bool] = True
    in_stores: ClassVar[InStores] = "folder"

    path: Path
    follow_links: Links = "inside"
    # The labels are in what is listed, so that results do not depend on how they were found.
    labels: Labels = field(default="inferred", repr=False)
    label_from: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_labels(self.labels, self.label_from)

    @property
    def labelled(self) -> bool:
        """See `Source.labelled`."""
        return self.labels != "none"

    @property
    def by_folder(self) -> bool:
        """True if the folders say the class."""
        return self.labelled and self.label_from is None

    @property
    def isolated(self) -> bool:
        """When they are in an archive; see `Source`."""
        return inside(self.path) is not None

    def samples(self) -> Iterator[Sample]:
        """Lists the files under the root; see `Source.samples`."""
        listed = tree_of(self.path).walk(self._place if self.by_folder else self._unlabelled, self.follow_links)
        return listed if self.label_from is None else find_labels(listed, self.label_from)

    def samples_together(self) -> Iterator[Sample | Alike]:
        """The files of a folder together, unless each has a label of its own; see `Source.samples_together`."""
        if self.label_from is not None or type(self).samples is not Folders.samples:
            return self.samples()
        return tree_of(self.path).walk_together(self._place if self.by_folder else self._unlabelled, self.follow_links)

    def declared_classes(self) -> tuple[str, ...]:
        """The names of the class folders, empty ones too."""
        return self._class_folders() if self.by_folder else ()

    def read(self, sample: Sample) -> bytes:
        """Reads one file; see `Source.read`."""
        return tree_of(self.path).read(sample.location, sample.stamp)

    def reading(self) -> Callable[[Sample], bytes]:
        """Reads one file after another; see `Source.reading`. A layout with a way of its own to read keeps it."""
        if type(self).read is not Folders.read:
            return self.read
        tree: FileTree | None = None

        def read(sample: Sample) -> bytes:
            nonlocal tree
            if tree is None:
                tree = tree_of(self.path)
            return tree.read(sample.location, sample.stamp)

        return read

    @abstractmethod
    def _place(self, parts: tuple[str, ...]) -> Place:
        """The place of the images in a folder, of which the parts are the path below the root."""

    @abstractmethod
    def _class_folders(self) -> tuple[str, ...]:
        """The names of the class folders, empty ones too."""

    def _unlabelled(self, _parts: tuple[str, ...]) -> Place:
        """The place of the images in a folder that says nothing of their class."""
        return Place()


@dataclass(frozen=True, slots=True)
class Directory(Folders):
    """One folder per class: ``root/cat/**/0001.jpg``; deeper folders are walked and say nothing."""

    layout: ClassVar[str] = "directory"
    is_folder: ClassVar[bool] = True

    def _class_folders(self) -> tuple[str, ...]:
        return tuple(check_class(name, str(self.path)) for name in tree_of(self.path).subfolders(links=False))

    def _place(self, parts: tuple[str, ...]) -> Place:
        return Place(check_class(parts[0], f"{self.path}")) if parts else LOOSE


@dataclass(frozen=True, slots=True)
class SplitDirectory(Folders):
    """Folders for the splits, in each one folder per class: ``root/train/cat/0001.jpg``.

    The words of `splits.split_in_name` are looked for in the names of the split folders: train, seg_train, Test2 ...
    A folder of the same meaning that holds the classes of a split, as in train/train/cat, is passed through.
    """

    layout: ClassVar[str] = "split_directory"
    unknown_split: ClassVar[Unknown] = "skip"

    def _class_folders(self) -> tuple[str, ...]:
        tree = tree_of(self.path)
        splits = [name for name in tree.subfolders() if split_in_name(name)]
        names = (
            name
            for split in splits
            for name in tree.subfolders(split, links=False)
            if split_in_name(name) != split_in_name(split)
        )
        return tuple(check_class(name, str(self.path)) for name in dict.fromkeys(names))

    def _unlabelled(self, parts: tuple[str, ...]) -> Place:
        return Place(split=parts[0]) if parts else NO_SPLIT

    def _place(self, parts: tuple[str, ...]) -> Place:
        if not parts:
            return LOOSE
        split, *inner = parts
        if meaning := split_in_name(split):
            inner = list(dropwhile(lambda name: split_in_name(name) == meaning, inner))
        return Place(check_class(inner[0], f"{self.path}/{split}"), split=split) if inner else LOOSE


@dataclass(frozen=True, slots=True)
class Hierarchy(Folders):
    """Folders in folders, the label is the path: ``root/cat/persian/0001.jpg`` is a ``cat/persian``.

    The levels are kept as attributes ``level1``, ``level2``, ...

    Attributes:
        level: how many levels make the label: 1 is the outermost folder alone; all when omitted.
    """

    layout: ClassVar[str] = "hierarchy"
    is_folder: ClassVar[bool] = True

    level: Annotated[int, Ge(1)] | None = None

    def __post_init__(self) -> None:
        check_labels(self.labels, self.label_from)
        if self.level is not None and not self.by_folder:
            raise RequestError("level: is of labels that the folders say; leave it out")

    def _unlabelled(self, parts: tuple[str, ...]) -> Place:
        return Place(attributes=hierarchical(parts, None).attributes) if parts else Place()

    def _class_folders(self) -> tuple[str, ...]:
        found = list(tree_of(self.path).folders())
        inner = {parts[:-1] for parts in found}
        leaves = (parts for parts in found if parts not in inner and len(parts) >= (self.level or 1))
        return tuple(dict.fromkeys(self._place(parts).label for parts in leaves))

    def _place(self, parts: tuple[str, ...]) -> Place:
        if not parts:
            return LOOSE
        return hierarchical(tuple(check_class(part, f"{self.path}") for part in parts), self.level)


def hierarchical(levels: tuple[str, ...], level: int | None) -> Place:
    """The label and attributes of an image at these levels of a hierarchy.

    >>> hierarchical(("cat", "persian"), 1).label, hierarchical(("cat", "persian"), None).label
    ('cat', 'cat/persian')
    """
    attributes = {f"level{number}": name for number, name in enumerate(levels, 1)}
    label = "/".join(levels[:level])
    if level is not None and len(levels) < level:
        reason = f"it lies {len(levels)} deep, its label was to be of level {level}"
        return Place("", attributes, status="quarantined", reason=reason)
    return Place(label, attributes)
