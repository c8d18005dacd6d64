"""The interface of sources of images, and the rules that all layouts share."""

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from imgprep.archives.opening import inside
from imgprep.errors import RequestError, one_line
from imgprep.sources.links import path_of
from imgprep.sources.splits import Unknown
from imgprep.storage.cache import fetched_from, is_fetched
from imgprep.table.sample import Alike, Sample
from imgprep.table.targets import Target

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

InStores = Literal["folder", "table", "file", "files"]

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Source(ABC):
    """A collection of images in one layout.

    A source is a frozen, slotted dataclass: its fields are the options of the spec, with their validation. It is
    pickled to each worker once; files are opened in each process on first use and never pickled.

    Attributes:
        layout: the name of the layout in the spec.
        path: the folder or file of the collection.
    """

    __slots__ = ()
    layout: ClassVar[str]
    holds_arrays: ClassVar[bool] = False
    """Whether the images are pixels in arrays, without transparency, and not files."""
    is_folder: ClassVar[bool] = False
    """Whether the names of folders are its classes."""
    in_stores: ClassVar[InStores | None] = None
    """What its path may be in an object store: a folder that is read there, a table of images beside it, or one file or
    several in a folder that are fetched; None for nothing."""
    unknown_split: ClassVar[Unknown] = "refuse"
    """Treatment of unknown names of splits; see `splits.Unknown`."""
    reads_named: ClassVar[bool] = False
    """Whether it reads the files that its fields name, or what is below folders, and nothing else."""
    path: Path

    @property
    def isolated(self) -> bool:
        """True if it is to be listed in a worker, because reading it may crash, stall or exhaust memory."""
        return False

    @property
    def labelled(self) -> bool:
        """False if its images have no labels at all, so that they can be audited and no more."""
        return True

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """Lists every entry found, images or not, in an order that depends on the collection alone.

        Only metadata is read. An entry that is not an image has the status ``skipped``, one that cannot be used
        ``quarantined``, each with a reason.

        Raises:
            RequestError: the collection is not of this layout, or a table in it is wrong.
            SourceError: a container is corrupt or hostile.
            ResourceError: the collection cannot be read.
        """

    def samples_together(self) -> Iterator[Sample | Alike]:
        """The same, perhaps with those together that differ in name and stamp only."""
        return self.samples()

    @abstractmethod
    def read(self, sample: Sample) -> bytes | Pixels:
        """Reads one image, in any process.

        Returns:
            The encoded bytes, or the pixels: (H, W), (H, W, 1) or (H, W, 3) RGB, uint8 or uint16.

        Raises:
            ImageError: this image cannot be used; the others can.
            SourceError: the container changed since it was listed.
        """

    def reading(self) -> Callable[[Sample], bytes | Pixels]:
        """Returns what reads images one after another, as `read` does; what they share is looked up once."""
        return self.read

    def numbers(self, sample: Sample) -> bytes | NDArray[Any]:
        """Reads one image like `read`, where the spec says what range its values have: arrays hold any numbers then.

        Raises:
            ImageError: as `read`, but for the type and range of the values.
            SourceError: as `read`.
        """
        return self.read(sample)

    def forget(self, sample: Sample) -> bool:
        """Drops a cached copy of an image that cannot be decoded; returns whether reading it again may help.

        That is so for images fetched from the network.
        """
        return False

    def classes(self) -> tuple[str, ...] | None:
        """Class names in index order, where the source gives the order; else None."""
        return None

    def declared_classes(self) -> tuple[str, ...]:
        """Folders and groups that stand for classes, empty ones too; in no special order."""
        return self.classes() or ()

    def origin(self) -> "Source":
        """The same for fingerprints, with addresses for paths of fetched files, which each machine has elsewhere."""
        paths = {name: getattr(self, name, None) for name in ("path", "image_root")}
        fetched = {name: fetched_from(path) for name, path in paths.items() if path is not None and is_fetched(path)}
        return replace(cast("Any", self), **fetched) if fetched else self

    @classmethod
    def stored_files(cls, folder: Path, names: Sequence[str]) -> Mapping[str, str]:
        """The files of a folder in a store that the collection has, with the SHA-256 of each; '' where it is unknown.

        Args:
            folder: an address.
            names: of all files in it and below it.
        """
        del folder
        return dict.fromkeys(names, "")

    def missing(self) -> bool:
        """Returns whether there is nothing at its path."""
        return not os.path.lexists(self.path) and inside(self.path) is None

    def table(self) -> Path | None:
        """The table that lists the images, to which paths in its columns are relative; None without a table."""
        return None

    def file_of(self, sample: Sample) -> Path | None:
        """The file that an image has to itself; None for one in a container, in an array or on the network."""
        root = getattr(self, "image_root", None) or (self.path if self.path.is_dir() else self.path.parent)
        if inside(root) or inside(self.path):
            return None
        path = Path(path_of(os.fspath(root), sample.location))
        return None if self.holds_arrays or not path.is_file() else path

    def place_of(self, row: int) -> str:
        """The place that describes the sample of a row, from 0 on, for messages: file and line of a table."""
        return one_line(self.path)

    def with_columns(self, samples: Iterable[Sample], targets: Sequence[Target]) -> Iterable[Sample]:
        """Adds what the source has of the columns of targets, unless its samples have that already."""
        return samples

    def preprocessed(self) -> Mapping[str, Any] | None:
        """Members of dataset.json on earlier processing, where the images are those of a dataset; else None."""
        return None

    def digest(self) -> str:
        """A value that changes with the one file that holds all images, cheap to compute; '' for a folder of files."""
        return ""


def check_class(name: str, where: str) -> str:
    """Checks and returns a class name that is usable everywhere: in a path, a report, an HDF5 group.

    Args:
        name: the name; a hierarchical one is checked level by level.
        where: file and line, for the message.

    Raises:
        RequestError: it is empty, ``.`` or ``..``, or contains a slash or control characters.
    """
    if name in {"", ".", ".."} or "/" in name or CONTROL.search(name):
        raise RequestError(
            f"{one_line(where)}: a class cannot be called {name!r}; use a name without slashes and control characters"
        )
    return name


def group_and_split(attributes: Mapping[str, str]) -> tuple[str, str]:
    """The values of the columns ``group`` and ``split``, in upper or lower case; '' for none.

    >>> group_and_split({"Split": "Val ", "group": "patient 7"})
    ('patient 7', 'Val')
    """
    named = {name.casefold(): value for name, value in attributes.items()}
    return named.get("group", ""), named.get("split", "").strip()


def text_of(value: object) -> str:
    """A value of a table as the text of an attribute.

    >>> text_of("red"), text_of(None), text_of(3), text_of([1, 2])
    ('red', '', '3', '[1,2]')
    """
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, separators=(",", ":"))


def safe_text(raw: str) -> str:
    r"""Valid Unicode for a file name: undecodable bytes are shown as ``\xff``.

    >>> safe_text("caf\udce9")
    'caf\\xe9'
    """
    try:
        raw.encode()
    except UnicodeEncodeError:
        return raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return raw
