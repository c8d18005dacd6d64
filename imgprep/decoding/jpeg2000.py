"""JPEG 2000, in its boxes or bare: the size, the depth, and whether all tile parts are there."""

import struct
from typing import Final

from imgprep.decoding.header import DecodeOptions, Header, check_size
from imgprep.errors import ImageError

CODESTREAM: Final = b"\xff\x4f\xff\x51"
BOXED: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_MAX_TILE_PARTS: Final = 65_535


def parse_jpeg2000(data: bytes, options: DecodeOptions) -> Header:
    """Finds the codestream, reads its size marker and walks its tile parts.

    Raises:
        ImageError: cut, no codestream, float or signed samples, or over the limit.
    """
    start = 0 if data.startswith(CODESTREAM) else _codestream(data)
    if data[start : start + 4] != CODESTREAM or len(data) < start + 45:
        raise ImageError("JPEG 2000 is cut or has no codestream")
    right, bottom, left, top = struct.unpack_from(">IIII", data, start + 8)
    (components,) = struct.unpack_from(">H", data, start + 40)
    check_size("JPEG 2000", max(right - left, 0), max(bottom - top, 0), options)
    if components not in {1, 2, 3, 4} or len(data) < start + 42 + 3 * components:
        raise ImageError(f"JPEG 2000 has {components} components; 1 to 4 are read")
    depths = {data[start + 42 + 3 * i] for i in range(components)}
    if max(depths) & 0x80 or max(depths) >= 16:
        raise ImageError("JPEG 2000 with signed samples or more than 16 bits is not read")
    tail = _walk(data, start)
    depth = max(depths) + 1
    flags = ("trailing-bytes",) if start == 0 and tail < len(data) else ()
    return Header(right - left, bottom - top, largest=(1 << depth) - 1 if 8 < depth < 16 else 0, flags=flags)


def _codestream(data: bytes) -> int:
    """Where the contiguous codestream box has its contents; the end of the data when there is none."""
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
    """Where the codestream ends, by the lengths that its segments and tile parts declare."""
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
