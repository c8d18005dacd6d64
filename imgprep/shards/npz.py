"""npz shards: one npy file per array in a zip, readable by `numpy.load`, without pickles."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from imgprep.arrays.files import ArrayLocation
from imgprep.arrays.npz import open_npz
from imgprep.errors import RequestError
from imgprep.shards.base import NO_ATTRIBUTES, Attributes, is_text, refuse_compression, strings, text_array
from imgprep.shards.memory import MemoryFile
from imgprep.util.closing import Closing

# The first date that zip can hold: the same file whenever it is written.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_ALIGNMENT: Final = 64
# The extra field that Android's zipalign writes; readers skip what they do not know.
_PADDING_FIELD: Final = 0xD935
_LOCAL_HEADER_SIZE: Final = 30
_ZIP64_FIELD_SIZE: Final = 20


@dataclass(frozen=True, slots=True)
class NpzFormat:
    """The format ``npz``; uncompressed arrays begin at multiples of 64 bytes so that a reader can map them."""

    name: ClassVar[str] = "npz"
    suffix: ClassVar[str] = ".npz"
    compressions: ClassVar[tuple[str, ...]] = ("none", "gzip")

    def check(self, compression: str) -> None:
        """See `ShardFormat.check`."""
        if compression not in self.compressions:
            raise refuse_compression(self.name, compression, self.compressions)

    def write(
        self, arrays: Mapping[str, NDArray[Any]], compression: str = "none", attributes: Attributes = NO_ATTRIBUTES
    ) -> tuple[memoryview, ...]:
        """See `ShardFormat.write`; text is always deflated, as three of its four bytes per character are zero."""
        self.check(compression)
        if any(texts for group, texts in attributes.items() if group):
            raise RequestError("npz has no groups with attributes; choose format hdf5 for the layout by_class")
        memory = MemoryFile(sum(array.nbytes + 1024 for array in arrays.values()), arrays.values())
        with zipfile.ZipFile(memory, "w") as file:
            for name, array in arrays.items():
                if is_text(array):
                    _store(file, name, np.array(strings(array), dtype=np.str_), deflate=1)
                else:
                    _store(file, name, np.ascontiguousarray(array), deflate=4 if compression == "gzip" else 0)
        return memory.blocks()

    def open(self, path: str) -> "NpzReader":
        """See `ShardFormat.open`."""
        return NpzReader(path)


class NpzReader(Closing):
    """See `ShardReader`."""

    def __init__(self, path: str) -> None:
        self._file = open_npz(path)
        self._cache: tuple[str, NDArray[Any]] | None = None

    def close(self) -> None:
        """Closes the file; rows stay valid."""
        self._cache = None
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays' names in file order."""
        return self._file.names

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The arrays' shapes."""
        return {name: header.shape for name, header in self._file.headers.items()}

    def read(self, name: str) -> NDArray[Any]:
        """See `ShardReader.read`."""
        array = self._file.read(name)
        return text_array(array.tolist()) if array.dtype.kind == "U" else array

    def check(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """See `ShardReader.check`."""
        self._file.check(name)
        header = self._file.headers[name]
        return header.shape, header.dtype

    def rows(self, name: str) -> NDArray[Any]:
        """See `ShardReader.rows`; a compressed array is read as a whole, and the last one is cached."""
        plain = self.locate(name)
        if plain is not None:
            return plain.map()
        if self._cache is None or self._cache[0] != name:
            self._cache = (name, self.read(name))
        return self._cache[1]

    def locate(self, name: str) -> ArrayLocation | None:
        """See `ShardReader.locate`."""
        plain = self._file.locate(name)
        return None if plain is None or plain.dtype.kind in "US" else plain

    def attributes(self, group: str) -> Mapping[str, str]:
        """Always empty: npz has no attributes."""
        del group
        return {}


def _store(file: zipfile.ZipFile, name: str, array: NDArray[Any], deflate: int) -> None:
    header = io.BytesIO()
    shape = {"descr": npy_format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    npy_format.write_array_header_1_0(header, shape)
    data = array.reshape(-1).view(np.uint8).data if array.size else b""
    member = zipfile.ZipInfo(f"{name}.npy", _DATE)
    member.create_system = 3  # Unix, on whatever system it is written
    if deflate:
        member.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(member, b"".join((header.getvalue(), data)), compresslevel=deflate)
        return
    member.file_size = len(header.getvalue()) + len(data)
    member.extra = _padding(file, member)
    with file.open(member, "w") as stream:
        stream.write(header.getvalue())
        stream.write(data)


def _padding(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """An extra field that moves the member's data to a multiple of 64 bytes (the npy header is one, too)."""
    zip64 = _ZIP64_FIELD_SIZE if member.file_size * 1.05 > zipfile.ZIP64_LIMIT else 0
    start = file.start_dir + _LOCAL_HEADER_SIZE + len(member.filename.encode()) + zip64
    size = 2 + (-(start + 6)) % _ALIGNMENT
    return np.array([_PADDING_FIELD, size, _ALIGNMENT], "<u2").tobytes() + bytes(size - 2)


NPZ: Final = NpzFormat()
