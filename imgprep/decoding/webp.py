"""WebP: the RIFF chunks that tell size, animation and orientation."""

import struct
from typing import Final

from imgprep.decoding.exif import orientation_of
from imgprep.decoding.format_header import DecodeOptions, Header, check_frames, check_size
from imgprep.errors import ImageError

_HAS_EXIF: Final = 8
_HAS_XMP: Final = 4
_HAS_PROFILE: Final = 32


def parse_webp(data: bytes, options: DecodeOptions) -> Header:
    """Walks the chunks of a WebP.

    Metadata count when the extended header says that they are there, as the format and libwebp have it.

    Raises:
        ImageError: cut, without an image, or over a limit.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise ImageError(f"WebP is cut: {end} bytes declared, {len(data)} are there")
    size: tuple[int, int] | None = None
    exif = xmp = profile = b""
    frames, at, extended = 0, 12, 0
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise ImageError(f"WebP is cut in chunk {kind.decode('latin-1')!r}")
        if kind in {b"VP8X", b"VP8L", b"VP8 "}:
            extended = data[at + 8] if size is None and kind == b"VP8X" and length else extended
            size = size or _size(kind, data[at + 8 : at + 18])
        elif kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            exif = exif or data[at + 8 : at + 8 + length]
        elif kind == b"XMP ":
            xmp = xmp or data[at + 8 : at + 8 + length]
        elif kind == b"ICCP":
            profile = profile or data[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)
    if size is None:
        raise ImageError("WebP has no image in it")
    check_size("WebP", *size, options)
    check_frames("WebP", frames, options)
    flags = ("trailing-bytes",) if end + (end & 1) < len(data) else ()
    orientation = orientation_of(exif if extended & _HAS_EXIF else b"", xmp if extended & _HAS_XMP else b"")
    profile = profile if extended & _HAS_PROFILE else b""
    return Header(*size, orientation=orientation, frames=max(frames, 1), flags=flags, profile=profile)


def _size(kind: bytes, body: bytes) -> tuple[int, int]:
    """Width and height from the canvas or from either bitstream."""
    if len(body) < (5 if kind == b"VP8L" else 10):
        raise ImageError("WebP is cut in its header")
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF
