"""BMP: the headers of all its ages, and the unpacking of 16 and 32 bits, which OpenCV gets wrong by a few levels."""

import struct
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.header import DecodeOptions, Header, Reading, check_size
from imgprep.errors import ImageError

_RGB, _RLE8, _RLE4, _BITFIELDS = 0, 1, 2, 3
_REFUSED: Final = {4: "JPEG", 5: "PNG", 6: "alpha bit fields"}
_MASKS_555: Final = (0x7C00, 0x03E0, 0x001F, 0)
_MASKS_565: Final = (0xF800, 0x07E0, 0x001F, 0)
_MASKS_888: Final = (0xFF0000, 0xFF00, 0xFF, 0)


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
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        return _Fields(offset, size, width, height, bits, _RGB, 0)
    if size < 16 or size > 4096 or len(data) < 14 + max(size, 16):
        raise ImageError(f"BMP declares a header of {size} bytes, which does not exist or is cut")
    body = data[18 : 14 + size].ljust(36, b"\0")
    width, height, _, bits, compression, _, _, _, colours = struct.unpack_from("<iiHHIIiiI", body)
    return _Fields(offset, size, width, height, bits, compression, colours)


def parse_bmp(data: bytes, options: DecodeOptions) -> Header:
    """Reads the header of a BMP.

    Raises:
        ImageError: cut, a form that is not read, or over the limit.
    """
    fields = _fields(data)
    check_size("BMP", fields.width, abs(fields.height), options)
    if fields.compression in _REFUSED:
        raise ImageError(f"BMP that holds {_REFUSED[fields.compression]} is not read")
    packed = fields.compression in {_RLE8, _RLE4}
    needed = 1 if packed else _stride(fields) * abs(fields.height)
    if fields.offset + needed > len(data):
        raise ImageError(f"BMP is cut: {needed} bytes of pixels needed, {max(len(data) - fields.offset, 0)} are there")
    grey = fields.bits <= 8 and _is_grey(data, fields)
    flags = ("palette",) if fields.bits <= 8 and not grey else ()
    reading: Reading = "bmp" if fields.bits in {16, 32} else "rgb"
    return Header(fields.width, abs(fields.height), reading, flags=flags, grey=grey)


def _stride(fields: _Fields) -> int:
    """Bytes of a row: whole groups of four."""
    return (fields.width * fields.bits + 31) // 32 * 4


def _is_grey(data: bytes, fields: _Fields) -> bool:
    """Whether all colours of the table are grey: the only way in which a BMP can be."""
    step = 3 if fields.size == 12 else 4
    count = min(fields.colours or 1 << fields.bits, 1 << fields.bits)
    start = 14 + fields.size
    table = np.frombuffer(data[start : min(start + count * step, fields.offset)], np.uint8)
    colours = table[: len(table) // step * step].reshape(-1, step)[:, :3]
    return bool(len(colours)) and bool((colours == colours[:, :1]).all())


def unpack_bmp(data: bytes) -> NDArray[np.uint8]:
    """Unpacks 16- and 32-bit pixels; 5 and 6 bits are spread over 8 with rounding.

    Args:
        data: a file that ``parse_bmp`` gave the reading ``bmp``.

    Returns:
        (H, W, 3) BGR or (H, W, 4) BGRA.

    Raises:
        ImageError: the masks are neither 5-5-5, 5-6-5 nor whole bytes.
    """
    fields = _fields(data)
    masks = _masks(data, fields)
    height = abs(fields.height)
    dtype = "<u2" if fields.bits == 16 else "<u4"
    words = np.frombuffer(data, np.uint8, _stride(fields) * height, fields.offset).view(dtype)
    words = words.reshape(height, -1)[:, : fields.width]
    if fields.height > 0:
        words = words[::-1]
    planes = [_field(words, mask) for mask in (masks[2], masks[1], masks[0], masks[3]) if mask]
    return np.ascontiguousarray(np.stack(planes, axis=-1))


def _field(words: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    shift = (mask & -mask).bit_length() - 1
    top = mask >> shift
    values = (words >> shift & top).astype(np.uint32)
    return ((values * 255 + top // 2) // top).astype(np.uint8)


def _masks(data: bytes, fields: _Fields) -> tuple[int, int, int, int]:
    """The bit masks of red, green, blue and alpha; alpha 0 when there is none."""
    if fields.compression != _BITFIELDS:
        return _MASKS_555 if fields.bits == 16 else _MASKS_888
    if len(data) < 70:
        raise ImageError("BMP is cut in its header")
    red, green, blue, alpha = struct.unpack_from("<IIII", data, 54)
    masks = (red, green, blue, alpha if fields.size >= 56 else 0)
    if fields.bits == 16 and masks in {_MASKS_555, _MASKS_565}:
        return masks
    bytes_only = all(mask in {0xFF, 0xFF00, 0xFF0000, 0xFF000000} for mask in masks if mask)
    if fields.bits == 32 and bytes_only and red and green and blue:
        return masks
    raise ImageError("BMP with unusual bit masks is not read")
