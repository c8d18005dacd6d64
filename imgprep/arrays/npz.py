"""npz files of unknown origin: opened, checked and read without trusting what they say.

Every fault of a file is a `SourceError` that begins with its path. Nothing is ever unpickled, and no more memory is
allocated than the stored bytes can fill.
"""

import math
import re
import struct
import zipfile
from collections.abc import Mapping
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.arrays.files import (
    MAX_EXPANDED_BYTES,
    ArrayLocation,
    is_bomb,
    refusal,
    refusing,
    regular_size,
)
from imgprep.arrays.progress_hook import step
from imgprep.util.closing import Closing

_LOCAL_HEADER_SIZE: Final = 30
_MAX_HEADER_BYTES: Final = 10_000
# Python 2 wrote 10L for 10.
_ITEM: Final = re.compile(r"\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([0-9L,\s]*\))\s*,?")
_TYPE: Final = re.compile(r"[<>|=](?:b1|[iu][1248]|f[248]|[SU][0-9]{1,8})")


class ArrayHeader(NamedTuple):
    """The header of an npy member, checked against the bytes present.

    Attributes:
        shape: the array's shape.
        dtype: numbers, booleans or fixed-width strings, in the stored byte order.
        fortran_order: whether the first axis varies fastest.
        length: bytes before the data.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    length: int


def open_npz(path: str) -> "Npz":
    """Opens an npz file; reads and checks the directory and every array's header, no data.

    Raises:
        SourceError: it is missing, truncated, no npz file, encrypted, or holds a duplicate or unsafe name, a member
            that is no array, overlapping members, pickled objects, or an array whose shape its bytes cannot have.
        ResourceError: there is no permission to read it.
    """
    return Npz(path)


class Npz(Closing):
    """A checked npz file; close it, or use it as a context manager.

    Attributes:
        path: the file.
        headers: the header of each array by its name (without ``.npy``), in file order.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with refusing(path):
            size = regular_size(path)
            self._zip = zipfile.ZipFile(path)
            step()
            try:
                self._members = _checked_members(path, size, self._zip.infolist())
                self.headers: Mapping[str, ArrayHeader] = {name: self._header(name) for name in self._members}
            except BaseException:
                self._zip.close()
                raise

    def close(self) -> None:
        """Closes the file; mapped rows stay valid."""
        self._zip.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays' names in file order."""
        return tuple(self.headers)

    def read(self, name: str) -> NDArray[Any]:
        """Reads one array and checks its CRC.

        Returns:
            A new array in the stored dtype; strings are a fixed-width NumPy string array.

        Raises:
            SourceError: there is no such array, its bytes are damaged, or it expands to more than `MAX_EXPANDED_BYTES`.
        """
        header, member = self._find(name)
        if member.compress_type != zipfile.ZIP_STORED and member.file_size > MAX_EXPANDED_BYTES:
            raise refusal(self.path, name, f"expands to {member.file_size:,} bytes, more than {MAX_EXPANDED_BYTES:,}")
        with refusing(self.path), self._zip.open(member) as file:
            _read_exactly(file, header.length)
            data = _read_data(file, math.prod(header.shape) * header.dtype.itemsize)
            # Only the read that reaches the end compares the CRC.
            if file.read(1):
                raise refusal(self.path, name, "is longer than its shape")
        return data.view(header.dtype).reshape(header.shape, order="F" if header.fortran_order else "C")

    def check(self, name: str) -> None:
        """Reads an array's bytes to compare the CRC, without keeping them.

        Raises:
            SourceError: there is no such array, or its bytes are damaged.
        """
        _, member = self._find(name)
        with refusing(self.path), self._zip.open(member) as file:
            while file.read(1 << 20):
                step()

    def locate(self, name: str) -> ArrayLocation | None:
        """The place of an uncompressed array, to map it (no CRC is checked); None when it is compressed."""
        header, member = self._find(name)
        if member.compress_type != zipfile.ZIP_STORED:
            return None
        with refusing(self.path):
            offset = self._data_offset(member) + header.length
        return ArrayLocation(self.path, header.dtype, header.shape, offset, header.fortran_order)

    def rows(self, name: str) -> NDArray[Any]:
        """One array, mapped where it is uncompressed (then no CRC is checked), else `read`.

        Returns:
            A read-only array that stays valid after the file is closed; or a new one.
        """
        plain = self.locate(name)
        return self.read(name) if plain is None else plain.map()

    def _data_offset(self, member: zipfile.ZipInfo) -> int:
        # Opening a member compares its name in the local header with the directory's.
        self._zip.open(member).close()
        with open(self.path, "rb") as file:  # noqa: PTH123 - a Path costs more than the call
            file.seek(member.header_offset + _LOCAL_HEADER_SIZE - 4)
            name_length, extra_length = struct.unpack("<HH", _read_exactly(file, 4))
        return int(member.header_offset + _LOCAL_HEADER_SIZE + name_length + extra_length)

    def _find(self, name: str) -> tuple[ArrayHeader, zipfile.ZipInfo]:
        if name not in self.headers:
            raise refusal(self.path, name, f"does not exist; there are {', '.join(self.headers) or 'no arrays'}")
        return self.headers[name], self._members[name]

    def _header(self, name: str) -> ArrayHeader:
        step()
        member = self._members[name]
        with self._zip.open(member) as file:
            descr, shape, fortran_order = _parse_header(file)
            length = file.tell()
        if not _TYPE.fullmatch(descr):
            raise refusal(self.path, name, f"has the type {descr}; numbers or strings are needed, no pickled objects")
        dtype = np.dtype(descr)
        if dtype.itemsize == 0 or (0 in shape[1:] and shape[0] != 0):
            raise refusal(self.path, name, f"declares the shape {shape} of {dtype}, rows without bytes")
        if math.prod(shape) * dtype.itemsize != member.file_size - length:
            raise refusal(self.path, name, f"declares the shape {shape} of {dtype}, but its bytes do not fit that")
        return ArrayHeader(shape, dtype, fortran_order, length)


def _parse_header(file: IO[bytes]) -> tuple[str, tuple[int, ...], bool]:
    """Reads the header of an npy file: type, shape, Fortran order.

    NumPy's own parser evaluates it as Python, so that a damaged header can cause warnings or exhaust memory.
    """
    magic = _read_exactly(file, 8)
    if magic not in {b"\x93NUMPY\1\0", b"\x93NUMPY\2\0"}:
        raise ValueError("no npy file of version 1.0 or 2.0")
    size = int.from_bytes(_read_exactly(file, 2 if magic[6] == 1 else 4), "little")
    if size > _MAX_HEADER_BYTES:
        raise ValueError(f"the npy header has {size:,} bytes")
    text = _read_exactly(file, size).decode("ascii").strip()
    items: dict[str, str] = {}
    place = 1
    while found := _ITEM.match(text, place):
        items[found[1]] = found[2]
        place = found.end()
    values = [items.get(key, " ") for key in ("descr", "shape", "fortran_order")]
    kinds = [value[0] for value in values]
    if text[:1] != "{" or text[place:].strip() != "}" or kinds[:2] != ["'", "("] or kinds[2] not in {"T", "F"}:
        raise ValueError(f"no npy header of one array of numbers or strings: {text[:100]}")
    return values[0][1:-1], tuple(int(extent) for extent in re.findall("[0-9]+", values[1])), kinds[2] == "T"


def _checked_members(path: str, size: int, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        reason = _objection(info)
        if info.filename[:-4] in members:
            reason = "is there twice"
        if reason:
            raise refusal(path, info.filename, reason)
        members[info.filename[:-4]] = info
    end = size
    for info in sorted(infos, key=lambda info: -info.header_offset):
        if info.header_offset + _LOCAL_HEADER_SIZE + info.compress_size > end:
            raise refusal(path, info.filename, "overlaps with the rest of the file")
        end = info.header_offset
    return members


def _objection(info: zipfile.ZipInfo) -> str:
    name, stored, declared = info.filename, info.compress_size, info.file_size
    parts = name.removesuffix(".npy").replace("\\", "/").split("/")
    if not name.endswith(".npy") or {"..", ".", ""} & set(parts) or parts[0].endswith(":") or not name.isprintable():
        return "is no array of an npz file"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "is compressed in another way than deflate"
    plain = info.compress_type == zipfile.ZIP_STORED
    if is_bomb(declared, stored) or (plain and declared != stored):
        return f"declares {declared:,} bytes of which only {stored:,} are stored"
    return ""


def _read_exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise EOFError("the file ends early")
    return data


def _read_data(file: IO[bytes], size: int) -> NDArray[np.uint8]:
    data = np.empty(size, np.uint8)
    view, done = data.data, 0
    while done < size:
        step()
        block = file.read(min(1 << 20, size - done))
        if not block:
            raise EOFError("the array ends early")
        view[done : done + len(block)] = block
        done += len(block)
    return data
