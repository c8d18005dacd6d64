"""The common part of sources with images in arrays and classes given by number: HDF5, npz and IDX."""

import os
from typing import ClassVar

from imgprep.archives.files import file_digest
from imgprep.sources.arrays import ClassNames, check_class_names, image_row
from imgprep.sources.base import Pixels
from imgprep.sources.file_cache import FileSource
from imgprep.table.sample import Sample


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

    def digest(self) -> str:
        """Size and modification time of the file."""
        return file_digest(self.path)
