"""JPEG 2000, in its boxes or bare: the size, the depth, and whether all tile parts are there."""

import struct
from functools import partial
from typing import Final, cast

import numpy as np

from imgprep.decoding.alpha import Pixels
from imgprep.decoding.format_header import DecodeOptions, Header, check_size
from imgprep.decoding.opencv import decode_with_opencv
from imgprep.decoding.signatures import JPEG_2000
from imgprep.errors import ImageError

# A colour box that names its space by a number: the luminance and colour differences of JPEG, or RGB.
_YCC, _RGB = (b"colr\1\0\0" + struct.pack(">I", number) for number in (18, 16))
_COLOUR_BOX: Final = b"colr"
_MAX_TILE_PARTS: Final = 65_535


def parse_jpeg2000(data: bytes, options: DecodeOptions) -> Header:
    """Finds the codestream, reads its size marker and walks its tile parts.

    Raises:
        ImageError: cut, no codestream, float or signed samples, or over the limit.
    """
    start = 0 if data.startswith(JPEG_2000) else _codestream(data)
    if data[start : start + 4] != JPEG_2000 or len(data) < start + 45:
        raise ImageError("JPEG 2000 is cut or has no codestream")
    right, bottom, left, top = struct.unpack_from(">IIII", data, start + 8)
    (components,) = struct.unpack_from(">H", data, start + 40)
    check_size("JPEG 2000", max(right - left, 0), max(bottom - top, 0), options)
    if components not in {1, 3, 4} or len(data) < start + 42 + 3 * components:
        raise ImageError(f"JPEG 2000 has {components} components; 1, 3 and 4 are read")
    depths = {data[start + 42 + 3 * i] for i in range(components)}
    if not 7 <= min(depths) <= max(depths) < 16:
        raise ImageError("JPEG 2000 with signed samples, or not of 8 to 16 bits, is not read")
    tail = _walk(data, start)
    profile = _profile(data[:start])
    depth = max(depths) + 1
    flags = ("trailing-bytes",) if start == 0 and tail < len(data) else ()
    header = Header(
        right - left, bottom - top, largest=(1 << depth) - 1 if 8 < depth < 16 else 0, flags=flags, profile=profile
    )
    if components >= 3 and depth in {8, 16} and _YCC in data[:start]:
        # OpenCV takes them for those of analogue television.
        header = header._replace(data=data[:start].replace(_YCC, _RGB) + data[start:])
        return header._replace(unpack=partial(_rgb, header))
    return header


def _rgb(header: Header) -> Pixels:
    """Colours of luminance and differences, and alpha if it is there, by ITU-T T.871."""
    stored = decode_with_opencv(b"", header)
    top = int(np.iinfo(stored.dtype).max)
    luminance = stored[:, :, 0].astype(np.float64)
    blue, red = (stored[:, :, channel].astype(np.float64) - (top + 1) // 2 for channel in (1, 2))
    colours = (
        luminance + 1.402 * red,
        luminance - (0.114 * 1.772 * blue + 0.299 * 1.402 * red) / 0.587,
        luminance + 1.772 * blue,
    )
    out = stored.copy()
    for channel, values in enumerate(colours):
        out[:, :, channel] = np.clip(np.rint(values), 0, top)
    return cast("Pixels", out)


def _profile(boxes: bytes) -> bytes:
    """The ICC profile of the colour box, which is in the header box."""
    at = boxes.find(_COLOUR_BOX)
    if at < 4 or boxes[at + 4 : at + 5] not in {b"\2", b"\3"}:
        return b""
    return boxes[at + 7 : at - 4 + int.from_bytes(boxes[at - 4 : at], "big")]


def _codestream(data: bytes) -> int:
    """Returns the start of the contents of the contiguous codestream box; the end of the data when there is none."""
    at = 0
    while at + 8 <= len(data):
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if data[at + 4 : at + 8] == b"jp2c":
            return at + head
        if length < head:
            break
        at += length
    return len(data)


def _walk(data: bytes, start: int) -> int:
    """Returns the end of the codestream by the lengths that its segments and tile parts declare."""
    at = start + 2
    for _ in range(_MAX_TILE_PARTS):
        marker = data[at : at + 2]
        if marker == b"\xff\xd9":
            return at + 2
        if len(marker) < 2 or marker[0] != 0xFF or at + 12 > len(data):
            break
        if marker == b"\xff\x90":
            length = int.from_bytes(data[at + 6 : at + 10], "big")
            if not length:
                # The last tile part may run to the end of the codestream.
                return len(data)
            at += length
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ImageError("JPEG 2000 is cut: a tile part or the end marker is missing")
