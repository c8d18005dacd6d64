"""The common part of sources with images in arrays and classes given by number: HDF5, npz and IDX."""

from typing import ClassVar

from imgprep.sources.arrays import ClassNames, check_class_names
from imgprep.sources.base import file_digest
from imgprep.sources.file_cache import FileSource


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

    def classes(self) -> tuple[str, ...] | None:
        """The given names."""
        return self.class_names

    def digest(self) -> str:
        """Size and modification time of the file."""
        return file_digest(self.path)
