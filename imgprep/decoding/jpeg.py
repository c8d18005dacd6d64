"""The header of a JPEG, parsed in a few microseconds."""

import struct
from typing import Final, NamedTuple

from imgprep.decoding.exif import orientation_of
from imgprep.decoding.format_header import DecodeOptions, check_size
from imgprep.decoding.jpeg_scans import FRAMES, PROGRESSIVE, WITHOUT_LENGTH, check_complete, check_scans
from imgprep.errors import ImageError

_SOF: Final = frozenset(0xFF00 | kind for kind in FRAMES)
# Segments that say nothing here: tables, number of lines, restart interval, comments, most applications.
_PASSED: Final = frozenset({0xFFC4, 0xFFCC, 0xFFDB, 0xFFDC, 0xFFDD, 0xFFE0, *range(0xFFE3, 0xFFF0), 0xFFFE})
_ARITHMETIC: Final = frozenset(range(0xC9, 0xD0))
_UNREAD: Final = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    0xCB: "lossless JPEG in arithmetic code",
}
_HALF_TURNED: Final = 4
"""Orientations above this lay the image on its side."""
_EXIF: Final = b"Exif\0\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_PROFILE: Final = b"ICC_PROFILE\0"
_segment: Final = struct.Struct(">HH").unpack_from
_frame: Final = struct.Struct(">BHHB").unpack_from


class Metadata(NamedTuple):
    r"""The metadata that matter.

    Attributes:
        exif: a TIFF structure behind ``Exif\0\0``.
        xmp: the first packet.
        profile: the parts of the ICC profile, each behind its number.
    """

    exif: bytes = b""
    xmp: bytes = b""
    profile: tuple[bytes, ...] = ()


class JpegHeader(NamedTuple):
    """The parts of a JPEG header that decoding needs.

    Attributes:
        components: 1 grey, 3 colour, 4 CMYK or YCCK.
        orientation: EXIF orientation, 1 to 8.
        height: of the stored pixels, before any rotation.
        width: of the stored pixels, before any rotation.
        scan: where the entropy-coded data of the first scan begin.
        arithmetic: coded so, not by Huffman's codes.
        several: in several scans.
        profile: the embedded ICC profile; empty when there is none.
    """

    components: int
    orientation: int
    height: int
    width: int
    scan: int
    arithmetic: bool
    several: bool
    profile: bytes

    @property
    def upright(self) -> tuple[int, int]:
        """Height and width after the rotation."""
        return (self.width, self.height) if self.orientation > _HALF_TURNED else (self.height, self.width)

    @property
    def is_plain(self) -> bool:
        """True for an upright image in colour, without a profile, in one scan of Huffman's codes."""
        return self.components == 3 and self.orientation == 1 and not (self.arithmetic or self.several or self.profile)


_NOTHING: Final = Metadata()


def parse_jpeg(data: bytes, options: DecodeOptions) -> JpegHeader:
    """Reads the segments up to the first scan, and where there are several scans all of them.

    Raises:
        ImageError: cut in the header, no frame, too large, too many scans, or a kind of JPEG that is not read.
    """
    frame, size, in_scan, end, found = _walk(data, options)
    precision, height, width, components = size
    if not frame:
        raise ImageError("JPEG has no image in it")
    if precision != 8 or frame in _UNREAD:
        raise ImageError(f"{_UNREAD.get(frame) or f'{precision}-bit JPEG'} is not supported; 8-bit JPEG is")
    if components not in {1, 3, 4}:
        raise ImageError(f"JPEG has {components} components; 1, 3 and 4 are read")
    several = in_scan < components or frame in PROGRESSIVE
    if several:
        check_scans(data, options.max_scans)
        check_complete(data)
    orientation = orientation_of(found.exif, found.xmp) if found.exif or found.xmp else 1
    profile = b"".join(part[2:] for part in sorted(found.profile))
    return JpegHeader(components, orientation, height, width, end, frame in _ARITHMETIC, several, profile)


def _walk(data: bytes, options: DecodeOptions) -> tuple[int, tuple[int, int, int, int], int, int, Metadata]:
    """Kind of frame, its precision and size, components in the first scan, position behind its header, metadata.

    The size is height, width and components.
    """
    frame, size = 0, (0, 0, 0, 0)
    found = _NOTHING
    at = 2
    try:
        while True:
            marker, length = _segment(data, at)
            if marker in _PASSED:
                at += 2 + length
            elif marker == 0xFFDA:
                return frame, size, data[at + 4], at + 2 + length, found
            elif marker in _SOF:
                frame, size = marker & 0xFF, _frame(data, at + 4)
                check_size("JPEG", size[2], size[1], options)
                at += 2 + length
            elif marker in {0xFFE1, 0xFFE2}:
                found = _note(found, data[at + 4 : at + 2 + length])
                at += 2 + length
            elif marker == 0xFFD9:
                return 0, size, 0, at, found
            else:
                at = _next_marker(data, at)
    except (IndexError, ValueError, struct.error):
        raise ImageError("JPEG is cut in its header") from None


def _next_marker(data: bytes, at: int) -> int:
    """Finds the start of the next segment as libjpeg does: past fill bytes, stray bytes and bare markers.

    Raises:
        ImageError: at a marker that is not known.
    """
    start = at
    if data[at] == 0xFF and data[at + 1] in WITHOUT_LENGTH:
        at += 2
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] in {0, 0xFF}:
            at += 1
        elif at > start:
            return at
        else:
            raise ImageError(f"JPEG has the unknown marker 0xFF{data[at + 1]:02X}")


def _note(found: Metadata, body: bytes) -> Metadata:
    """The first XMP counts; EXIF and profiles that are too long for one segment go on in the next."""
    if body.startswith(_EXIF):
        return found._replace(exif=found.exif + body[len(_EXIF) :] if found.exif else body)
    if body.startswith(_XMP):
        return found if found.xmp else found._replace(xmp=body)
    if body.startswith(_PROFILE):
        return found._replace(profile=(*found.profile, body[len(_PROFILE) :]))
    return found
