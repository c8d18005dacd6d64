"""The common part of sources with images in arrays and classes given by number: HDF5, npz and IDX."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from imgprep.archives.files import file_digest
from imgprep.errors import one_line
from imgprep.sources.array_columns import ArrayColumns, ReadArray
from imgprep.sources.arrays import ClassNames, check_class_names, image_row
from imgprep.sources.base import Pixels
from imgprep.sources.file_cache import FileSource
from imgprep.table.sample import Sample
from imgprep.table.targets import Target


class ArraySource(FileSource):
    """A source with images in arrays.

    Attributes:
        class_names: the names of the classes 0, 1, 2, ...; the numbers when omitted.
    """

    __slots__ = ()

    holds_arrays: ClassVar[bool] = True
    class_names: ClassNames | None

    def __post_init__(self) -> None:
        check_class_names(self.class_names or ())

    @property
    def isolated(self) -> bool:
        """Always true; see `Source`."""
        return True

    def read(self, sample: Sample) -> Pixels:
        """Reads one row of the array that the location names, of the file; see `Source.read`."""
        name, _, row = sample.location.rpartition("@")
        path = os.fspath(self.path)
        return image_row(self._files(path, sample.stamp).rows(name), int(row), path)

    def classes(self) -> tuple[str, ...] | None:
        """The given names."""
        return self.class_names

    @contextmanager
    def arrays(self) -> Iterator[ReadArray]:
        """Opens the file to read arrays by name; one without names has none."""
        yield lambda _: None

    def with_columns(self, samples: Iterable[Sample], targets: Sequence[Target]) -> Iterable[Sample]:
        """Adds the arrays that are called as the columns are; see `ArrayColumns`."""
        with self.arrays() as read:
            yield from ArrayColumns(targets, read, one_line(self.path)).join(samples)

    def digest(self) -> str:
        """Size and modification time of the file."""
        return file_digest(self.path)
