"""HDF5 shards: one dataset per array, groups where a name contains ``/``.

The library is imported when a file is read or written: who plans shards, or names their format, does not wait for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from imgprep.shards.base import NO_ATTRIBUTES, Attributes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgprep.shards.hdf5_files import Hdf5Reader


@dataclass(frozen=True, slots=True)
class Hdf5Format:
    """The format ``hdf5``; uncompressed arrays are contiguous so that a reader can map them."""

    name: ClassVar[str] = "hdf5"
    suffix: ClassVar[str] = ".h5"

    @property
    def compressions(self) -> tuple[str, ...]:
        """The built-in compressions of HDF5, and those of hdf5plugin where it is installed."""
        from imgprep.shards.hdf5_files import compressions  # noqa: PLC0415

        return compressions()

    def check(self, compression: str) -> None:
        """See `ShardFormat.check`."""
        if compression != "none":
            from imgprep.shards.hdf5_files import check_compression  # noqa: PLC0415

            check_compression(self.name, compression)

    def write(
        self, arrays: Mapping[str, "NDArray[Any]"], compression: str = "none", attributes: Attributes = NO_ATTRIBUTES
    ) -> tuple[memoryview, ...]:
        """See `ShardFormat.write`.

        Strings are stored as UTF-8 of fixed length, two to three times faster than variable length, unless a few long
        ones would make the column large.
        """
        from imgprep.shards.hdf5_files import write  # noqa: PLC0415

        self.check(compression)
        return write(arrays, compression, attributes)

    def open(self, path: str) -> "Hdf5Reader":
        """See `ShardFormat.open`."""
        from imgprep.shards.hdf5_files import Hdf5Reader  # noqa: PLC0415

        return Hdf5Reader(path)


HDF5: Final = Hdf5Format()
