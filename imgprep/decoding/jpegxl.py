"""JPEG XL, by libjxl through pillow_jxl, where that is installed.

The size is read here (ISO/IEC 18181-1, D.3) before libjxl sees the file; libjxl turns the image as its header says.
"""

from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.format_header import DecodeOptions, Header, check_size
from imgprep.decoding.jpeg_decode import check_stream, decode_jpeg
from imgprep.decoding.signatures import JPEG_XL
from imgprep.errors import ImageError, one_line

_RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDES: Final = (9, 13, 18, 30)
_DEPTHS: Final = (8, 10, 12)
_CHANNELS: Final = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_HALF_TURNED: Final = 4


class _Bits:
    """Reads numbers of some bits, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def __call__(self, count: int) -> int:
        if count > self._left:
            raise ImageError("JPEG XL is cut in its header")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return value


def parse_jpegxl(data: bytes, options: DecodeOptions) -> Header:
    """Reads the size, the orientation and the depth.

    Raises:
        ImageError: the plug-in is not installed; cut, not of 8 bits, or over the limit.
    """
    start = 0 if data.startswith(JPEG_XL) else _codestream(data)
    if not data.startswith(JPEG_XL, start):
        raise ImageError("JPEG XL is cut or has no codestream")
    bits = _Bits(data[start + 2 : start + 40])
    width, height = _size(bits)
    check_size("JPEG XL", width, height, options)
    orientation, depth = _orientation_and_depth(bits)
    if depth != 8:
        raise ImageError(f"JPEG XL of {depth or 'float'} bits is not read; 8 bits are")
    if orientation > _HALF_TURNED:
        width, height = height, width
    flags = ("exif-rotated",) if orientation > 1 else ()
    return Header(width, height, flags=flags, unpack=partial(_unpack, _decoder(), data))


def _size(bits: _Bits) -> tuple[int, int]:
    """Width and height, before any turning."""
    small = bits(1)

    def side() -> int:
        return 8 * (bits(5) + 1) if small else 1 + bits(_SIDES[bits(2)])

    height = side()
    ratio = bits(3)
    if not ratio:
        return side(), height
    numerator, denominator = _RATIOS[ratio - 1]
    return height * numerator // denominator, height


def _orientation_and_depth(bits: _Bits) -> tuple[int, int]:
    """EXIF orientation and bits of a sample, 0 for float; those of previews and animations are taken for 8."""
    if bits(1):  # all as usual
        return 1, 8
    orientation = 1
    if bits(1):
        orientation = 1 + bits(3)
        if bits(1):  # a size to be shown at
            _size(bits)
        if bits(2):  # a preview or an animation
            return orientation, 8
    if bits(1):
        return orientation, 0
    choice = bits(2)
    return orientation, _DEPTHS[choice] if choice < len(_DEPTHS) else 1 + bits(6)


def _codestream(data: bytes) -> int:
    """Returns the start of the codestream in the boxes; the end of the data when there is none."""
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        head = 16 if length == 1 else 8
        if kind in {b"jxlc", b"jxlp"}:
            return at + head + (4 if kind == b"jxlp" else 0)
        length = int.from_bytes(data[at + 8 : at + 16], "big") if length == 1 else length
        if length < head:
            break
        at += length
    return len(data)


def _decoder() -> Any:
    try:
        from pillow_jxl import Decoder  # noqa: PLC0415 - may be missing
    except ImportError:
        raise ImageError(
            "JPEG XL is read where pillow-jxl-plugin is installed, which is under the GPL and so not in imgprep[heif]"
        ) from None
    return Decoder(num_threads=0)


def _unpack(decoder: Any, data: bytes) -> NDArray[np.uint8]:
    try:
        from_jpeg, info, content, *_ = decoder(data)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the plug-in raises whatever a damaged file makes of it
        raise ImageError(f"damaged JPEG XL: {one_line(str(error).strip(), 160) or type(error).__name__}") from None
    if from_jpeg:  # a JPEG in fewer bytes, which comes out as it was
        check_stream(content)
        return decode_jpeg(content, Header(info.width, info.height))
    if info.mode not in _CHANNELS:
        raise ImageError(f"JPEG XL of the mode {one_line(info.mode, 12)} is not read")
    pixels = np.frombuffer(content, np.uint8).reshape(info.height, info.width, _CHANNELS[info.mode])
    return pixels if pixels.shape[2] != 2 else pixels[:, :, (0, 0, 0, 1)]
