"""JPEG: the header, in a few microseconds, and its repair where it is odd but harmless."""

import struct
from typing import Final, NamedTuple

import numpy as np

from imgprep.decoding.exif import orientation_of
from imgprep.decoding.header import DecodeOptions, check_size
from imgprep.errors import ImageError

_SOF: Final = frozenset(range(0xFFC0, 0xFFD0)) - {0xFFC4, 0xFFC8, 0xFFCC}
# Segments that say nothing here: tables, restart interval, comments and applications but the second.
_PASSED: Final = frozenset({0xFFC4, 0xFFCC, 0xFFDB, 0xFFDD, 0xFFE0, *range(0xFFE2, 0xFFF0), 0xFFFE})
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC9})
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_NOTHING: Final = (b"", b"")
_segment: Final = struct.Struct(">HH").unpack_from
_frame: Final = struct.Struct(">HHB").unpack_from


class JpegHeader(NamedTuple):
    """What the hot path needs.

    Attributes:
        components: 1 grey, 3 colour, 4 CMYK or YCCK.
        orientation: EXIF orientation, 1 to 8.
        height: of the stored pixels, before any rotation.
        width: of the stored pixels, before any rotation.
    """

    components: int
    orientation: int
    height: int
    width: int


_last: tuple[bytes, DecodeOptions, JpegHeader] = (b"-", DecodeOptions(), JpegHeader(0, 1, 0, 0))


def parse_jpeg(data: bytes, options: DecodeOptions) -> JpegHeader:
    """Reads the segments up to the first scan.

    The files of one collection often share every byte before the first scan, so the last header is remembered.

    Raises:
        ImageError: cut in the header, no frame, too large, too many scans, or a number of components without meaning.
    """
    global _last  # noqa: PLW0603 - a memo of a pure function, exchanged in one assignment
    prefix, known, header = _last
    if data.startswith(prefix) and known is options:
        return header
    frame, size, in_scan, end, profiles = _walk(data, options)
    height, width, components = size
    if not frame:
        raise ImageError("JPEG has no image in it")
    if components not in {1, 3, 4}:
        raise ImageError(f"JPEG has {components} components; 1, 3 and 4 are read")
    orientation = orientation_of(*profiles) if profiles != _NOTHING else 1
    header = JpegHeader(components, orientation, height, width)
    if in_scan < components or frame in _PROGRESSIVE:
        _check_scans(data, options)
    else:
        _last = (data[:end], options, header)
    return header


def _walk(data: bytes, options: DecodeOptions) -> tuple[int, tuple[int, int, int], int, int, tuple[bytes, bytes]]:
    """Kind of frame, its height, width and components, components in the first scan, position in it, EXIF and XMP."""
    frame, size = 0, (0, 0, 0)
    profiles = _NOTHING
    at = 2
    try:
        while True:
            marker, length = _segment(data, at)
            if marker in _PASSED:
                at += 2 + length
            elif marker == 0xFFDA:
                return frame, size, data[at + 4], at + 5, profiles
            elif marker in _SOF:
                frame, size = marker & 0xFF, _frame(data, at + 5)
                check_size("JPEG", size[1], size[0], options)
                at += 2 + length
            elif marker == 0xFFE1:
                profiles = _note(profiles, data[at + 4 : at + 2 + length])
                at += 2 + length
            elif marker == 0xFFD9:
                return 0, size, 0, at, profiles
            else:
                at = _next_marker(data, at)
    except (IndexError, ValueError, struct.error):
        raise ImageError("JPEG is cut in its header") from None


def _next_marker(data: bytes, at: int) -> int:
    """Where the next segment begins, as libjpeg looks for it: past fill bytes, bytes of nothing, and bare markers."""
    if data[at] == 0xFF and data[at + 1] in _BARE:
        at += 2
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] not in {0, 0xFF}:
            return at
        at += 1


def _note(profiles: tuple[bytes, bytes], body: bytes) -> tuple[bytes, bytes]:
    """The first EXIF and the first XMP count."""
    exif, xmp = profiles
    if body.startswith(b"Exif\0\0"):
        return exif or body, xmp
    return (exif, xmp or body) if body.startswith(_XMP) else profiles


def _check_scans(data: bytes, options: DecodeOptions) -> None:
    """Refuses a file of thousands of scans, each of which costs a pass over all pixels."""
    values = np.frombuffer(data, np.uint8)
    # Within entropy data 0xFF stands only before 0 and restart markers. bytes.count takes eight times as long.
    scans = np.count_nonzero((values[:-1] == 0xFF) & (values[1:] == 0xDA))
    if scans > options.max_scans:
        raise ImageError(f"JPEG has {scans} scans, over the limit of {options.max_scans}")


def repair_header(data: bytes) -> tuple[bytes, str]:
    """Takes out of the header what makes libjpeg complain without harm to the pixels.

    libjpeg reports only its first complaint, so an odd header would hide real damage behind it: the repaired file is
    what has to decode in silence. Repaired are bytes between segments (ITU-T T.81 allows only fill bytes there), an
    unknown JFIF revision, and scan parameters that a sequential JPEG must not choose.

    Returns:
        The file with a clean header, and the flag that says what was wrong: '' when nothing was.
    """
    parts = [data[:2]]
    flag, frame, at, end = "", 0, 2, len(data)
    while at + 4 <= end:
        start = at
        while at < end - 1 and not (data[at] == 0xFF and data[at + 1] not in {0, 0xFF}):
            at += 1
        if data[start:at].strip(b"\xff"):
            flag = "extraneous-bytes"
        marker = data[at + 1 : at + 2]
        if not marker or marker[0] in _BARE:
            return data, ""
        stop = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at:stop]
        if marker[0] | 0xFF00 in _SOF:
            frame = marker[0]
        elif marker == b"\xe0" and segment[4:9] == b"JFIF\0" and segment[9:10] not in {b"\1", b"\2"}:
            segment, flag = segment[:9] + b"\1" + segment[10:], flag or "odd-header"
        elif marker == b"\xda":
            if frame in _SEQUENTIAL and segment[-3:] != b"\0\x3f\0":
                segment, flag = segment[:-3] + b"\0\x3f\0", flag or "odd-header"
            return b"".join((*parts, segment, data[stop:])), flag
        parts.append(segment)
        at = stop
    return data, ""
