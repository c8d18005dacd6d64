"""BMP of all its ages, unpacked here: OpenCV gets 16 and 32 bits wrong by a few levels, and runs that overflow a row.

Where the format leaves it open: a missing padding of the last row is no damage, indices beyond the table are black,
pixels that runs skip have the first colour.
"""

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.bmp_runs import unpack_runs
from imgprep.decoding.format_header import DecodeOptions, Header, check_size
from imgprep.errors import ImageError

_OLD, _WITH_ALPHA_MASK = 12, 56
_HEADERS: Final = frozenset({_OLD, 40, 52, _WITH_ALPHA_MASK, 64, 108, 124})
_RGB, _RLE8, _RLE4, _BITFIELDS = 0, 1, 2, 3
_DEPTHS: Final = {_RGB: {1, 4, 8, 16, 24, 32}, _RLE8: {8}, _RLE4: {4}, _BITFIELDS: {16, 32}}
_NAMES: Final = {4: "JPEG", 5: "PNG", 6: "alpha bit fields"}
_MASKS_555: Final = (0x7C00, 0x03E0, 0x001F, 0)
_MASKS_16: Final = {_MASKS_555, (0x7C00, 0x03E0, 0x001F, 0x8000), (0xF800, 0x07E0, 0x001F, 0)}
_MASKS_888: Final = (0xFF0000, 0xFF00, 0xFF, 0)
_WITH_PROFILE: Final = 124
_COLOUR_SPACE, _PROFILE_PLACE, _EMBEDDED = 14 + 56, 14 + 112, b"DEBM"
_MAX_COLOURS: Final = 65_536


class _Fields(NamedTuple):
    offset: int
    size: int
    width: int
    height: int
    bits: int
    compression: int
    colours: int


def _fields(data: bytes) -> _Fields:
    if len(data) < 26:
        raise ImageError("BMP is cut in its header")
    offset, size = struct.unpack_from("<II", data, 10)
    if size not in _HEADERS or len(data) < 14 + size:
        raise ImageError(f"BMP declares a header of {size} bytes, which does not exist or is cut")
    if size == _OLD:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = colours = 0
    else:
        width, height, _, bits, compression, _, _, _, colours = struct.unpack_from("<iiHHIIiiI", data, 18)
    if colours > (1 << bits if bits <= 8 else _MAX_COLOURS):
        raise ImageError(f"BMP declares a table of {colours} colours for {bits} bits")
    masks = 12 if compression == _BITFIELDS and size == 40 else 0
    table = (colours or 1 << bits) * _step(size) if bits <= 8 else 0
    # Some say nowhere where their pixels begin.
    fields = _Fields(offset or 14 + size + masks + table, size, width, height, bits, compression, colours)
    if bits not in _DEPTHS.get(compression, ()):
        name = _NAMES.get(compression, f"compression {compression} and {bits} bits a pixel")
        raise ImageError(f"BMP that holds {name} is not read")
    if fields.offset < 14 + size + masks + (_step(size) if bits <= 8 else 0):
        raise ImageError(f"BMP has its pixels at byte {offset}, within its header")
    return fields


def _step(size: int) -> int:
    """Bytes of a colour of the table."""
    return 3 if size == _OLD else 4


def parse_bmp(data: bytes, options: DecodeOptions) -> Header:
    """Reads the header of a BMP.

    Raises:
        ImageError: cut, a form that is not read, or over the limit.
    """
    fields = _fields(data)
    check_size("BMP", fields.width, abs(fields.height), options)
    if fields.compression not in {_RLE8, _RLE4}:
        needed = _stride(fields) * (abs(fields.height) - 1) + (fields.width * fields.bits + 7) // 8
        if fields.offset + needed > len(data):
            there = max(len(data) - fields.offset, 0)
            raise ImageError(f"BMP is cut: {needed} bytes of pixels needed, {there} are there")
    flags = ("palette",) if fields.bits <= 8 and _table(data, fields).shape[1] == 3 else ()
    return Header(
        fields.width, abs(fields.height), unpack=_Unpacking(data, fields), profile=_profile(data, fields), flags=flags
    )


def _profile(data: bytes, fields: _Fields) -> bytes:
    """The ICC profile that a header of the fifth version embeds."""
    if fields.size != _WITH_PROFILE or data[_COLOUR_SPACE : _COLOUR_SPACE + 4] != _EMBEDDED:
        return b""
    start, size = struct.unpack_from("<II", data, _PROFILE_PLACE)
    return data[14 + start : 14 + start + size]


def _stride(fields: _Fields) -> int:
    """Bytes of a row: whole groups of four."""
    return (fields.width * fields.bits + 31) // 32 * 4


def _table(data: bytes, fields: _Fields) -> NDArray[np.uint8]:
    """(256, 3) RGB, or (256, 1) when all colours are grey: the only way in which a BMP can be."""
    step, start = _step(fields.size), 14 + fields.size
    count = min(fields.colours or 1 << fields.bits, 1 << fields.bits, (fields.offset - start) // step)
    stored = np.frombuffer(data[start : start + count * step], np.uint8)
    colours = stored[: len(stored) // step * step].reshape(-1, step)[:, 2::-1]
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    return table[:, :1] if (table == table[:, :1]).all() else table


@dataclass(frozen=True, slots=True)
class _Unpacking:
    """Unpacks the pixels of a file without any decoder."""

    data: bytes
    fields: _Fields

    def __call__(self) -> NDArray[np.uint8]:
        """The pixels; 5 and 6 bits are spread over 8 with rounding.

        Returns:
            (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA.

        Raises:
            ImageError: the masks are neither 5-5-5, 1-5-5-5, 5-6-5 nor whole bytes, or runs end before the last pixel.
        """
        data, fields = self.data, self.fields
        if fields.compression in {_RLE8, _RLE4}:
            rows = unpack_runs(data[fields.offset :], (abs(fields.height), fields.width), fields.bits)
        else:
            rows = _stored_rows(data, fields)
        if fields.height > 0:
            rows = rows[::-1]
        if fields.bits <= 8:
            return _table(data, fields)[rows]
        if fields.bits == 24:
            return _reversed(rows.reshape(len(rows), -1, 3))
        words = np.ascontiguousarray(rows).view("<u2" if fields.bits == 16 else "<u4")
        return np.stack([_field(words, mask) for mask in _masks(data, fields) if mask], axis=-1)


def _reversed(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BGR as RGB; channel by channel, which is ten times as fast as a negative step over three bytes."""
    colours = np.empty(stored.shape, np.uint8)
    for channel in range(3):
        colours[:, :, channel] = stored[:, :, 2 - channel]
    return colours


def _stored_rows(data: bytes, fields: _Fields) -> NDArray[np.uint8]:
    """(H, W) indices, or (H, bytes of a row) of more than 8 bits; in the order of the file."""
    height, stride = abs(fields.height), _stride(fields)
    stored = np.frombuffer(
        data[fields.offset : fields.offset + stride * height].ljust(stride * height, b"\0"), np.uint8
    )
    rows = stored.reshape(height, stride)
    if fields.bits >= 8:
        return rows[:, : fields.width * fields.bits // 8]
    each = 8 // fields.bits
    shifts = np.arange(each, dtype=np.uint8)[::-1] * np.uint8(fields.bits)
    spread = rows[:, :, None] >> shifts & np.uint8((1 << fields.bits) - 1)
    return cast("NDArray[np.uint8]", spread.reshape(height, -1)[:, : fields.width])


def _field(words: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    shift = (mask & -mask).bit_length() - 1
    top = mask >> shift
    values = (words >> shift & top).astype(np.uint32)
    return ((values * 255 + top // 2) // top).astype(np.uint8)


def _masks(data: bytes, fields: _Fields) -> tuple[int, int, int, int]:
    """The bit masks of red, green, blue and alpha; alpha 0 when there is none."""
    if fields.compression != _BITFIELDS:
        return _MASKS_555 if fields.bits == 16 else _MASKS_888
    red, green, blue, alpha = struct.unpack_from("<IIII", data.ljust(70, b"\0"), 54)
    masks = (red, green, blue, alpha if fields.size >= _WITH_ALPHA_MASK else 0)
    if fields.bits == 16 and masks in _MASKS_16:
        return masks
    bytes_only = all(mask in {0xFF, 0xFF00, 0xFF0000, 0xFF000000} for mask in masks if mask)
    if fields.bits == 32 and bytes_only and len({red, green, blue, alpha or 1, 0}) == 5:
        return masks
    raise ImageError("BMP with unusual bit masks is not read")
