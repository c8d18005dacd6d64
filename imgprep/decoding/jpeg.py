"""JPEG: the header, in a few microseconds, and its repair where it is odd but harmless."""

import struct
from typing import Final, NamedTuple

from imgprep.decoding.exif import orientation_of
from imgprep.decoding.header import DecodeOptions, check_size
from imgprep.decoding.jpeg_scans import FRAMES, JPEG_END, PROGRESSIVE, check_complete, check_scans, without_zeros
from imgprep.errors import ImageError

_SOF: Final = frozenset(0xFF00 | kind for kind in FRAMES)
# Segments that say nothing here: tables, number of lines, restart interval, comments, applications but the second.
_PASSED: Final = frozenset({0xFFC4, 0xFFCC, 0xFFDB, 0xFFDC, 0xFFDD, 0xFFE0, *range(0xFFE2, 0xFFF0), 0xFFFE})
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC9})
_ARITHMETIC: Final = frozenset(range(0xC9, 0xD0))
_UNREAD: Final = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    0xCB: "lossless JPEG in arithmetic code",
}
_EXIF: Final = b"Exif\0\0"
# Of the Adobe segment: how colours are coded, by the number of components; libjpeg takes any other for the last.
_TRANSFORM: Final = 15
_TRANSFORMS: Final = {3: (b"\0", b"\1"), 4: (b"\0", b"\2")}
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_NOTHING: Final = (b"", b"")
_segment: Final = struct.Struct(">HH").unpack_from
_frame: Final = struct.Struct(">BHHB").unpack_from


class JpegHeader(NamedTuple):
    """What the hot path needs.

    Attributes:
        components: 1 grey, 3 colour, 4 CMYK or YCCK.
        orientation: EXIF orientation, 1 to 8.
        height: of the stored pixels, before any rotation.
        width: of the stored pixels, before any rotation.
        scan: where the entropy-coded data of the first scan begin.
        arithmetic: coded so, not by Huffman's codes.
    """

    components: int
    orientation: int
    height: int
    width: int
    scan: int
    arithmetic: bool


_last: tuple[bytes, DecodeOptions, JpegHeader] = (b"-", DecodeOptions(), JpegHeader(0, 1, 0, 0, 0, arithmetic=False))


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
    precision, height, width, components = size
    if not frame:
        raise ImageError("JPEG has no image in it")
    if precision != 8 or frame in _UNREAD:
        raise ImageError(f"{_UNREAD.get(frame) or f'{precision}-bit JPEG'} is not supported; 8-bit JPEG is")
    if components not in {1, 3, 4}:
        raise ImageError(f"JPEG has {components} components; 1, 3 and 4 are read")
    orientation = orientation_of(*profiles) if profiles != _NOTHING else 1
    header = JpegHeader(components, orientation, height, width, end, frame in _ARITHMETIC)
    if in_scan < components or frame in PROGRESSIVE:
        check_scans(data, options.max_scans)
        check_complete(data)
    else:
        _last = (data[:end], options, header)
    return header


def _walk(data: bytes, options: DecodeOptions) -> tuple[int, tuple[int, int, int, int], int, int, tuple[bytes, bytes]]:
    """Kind of frame, its precision and size, components in the first scan, position behind its header, EXIF and XMP.

    The size is height, width and components.
    """
    frame, size = 0, (0, 0, 0, 0)
    profiles = _NOTHING
    at = 2
    try:
        while True:
            marker, length = _segment(data, at)
            if marker in _PASSED:
                at += 2 + length
            elif marker == 0xFFDA:
                return frame, size, data[at + 4], at + 2 + length, profiles
            elif marker in _SOF:
                frame, size = marker & 0xFF, _frame(data, at + 4)
                check_size("JPEG", size[2], size[1], options)
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
    """Where the next segment begins, as libjpeg looks for it: past fill bytes, bytes of nothing, and bare markers.

    Raises:
        ImageError: at a marker that is not known.
    """
    start = at
    if data[at] == 0xFF and data[at + 1] in _BARE:
        at += 2
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] in {0, 0xFF}:
            at += 1
        elif at > start:
            return at
        else:
            raise ImageError(f"JPEG has the unknown marker 0xFF{data[at + 1]:02X}")


def _note(profiles: tuple[bytes, bytes], body: bytes) -> tuple[bytes, bytes]:
    """The first XMP counts; EXIF that is too long for one segment goes on in the next."""
    exif, xmp = profiles
    if body.startswith(_EXIF):
        return exif + body[len(_EXIF) :] if exif else body, xmp
    return (exif, xmp or body) if body.startswith(_XMP) else profiles


def repair_header(data: bytes) -> tuple[bytes, str]:
    """Takes out what makes libjpeg complain without harm to the pixels.

    libjpeg reports only its first complaint, so an odd header would hide real damage behind it: the repaired file is
    what has to decode in silence. Repaired are bytes between segments (ITU-T T.81 allows only fill bytes there), zeros
    before the end, an unknown JFIF revision, an unknown transform of Adobe's, and scan parameters that a sequential
    JPEG must not choose.

    Returns:
        The file with a clean header, and the flag that says what was wrong: '' when nothing was.
    """
    parts = [data[:2]]
    flag, frame, components, at, end = "", 0, 0, 2, len(data)
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
        if marker[0] in FRAMES:
            frame, components = marker[0], int.from_bytes(segment[9:10], "big")
        elif marker == b"\xe0" and segment[4:9] == b"JFIF\0" and segment[9:10] not in {b"\1", b"\2"}:
            segment, flag = segment[:9] + b"\1" + segment[10:], flag or "odd-header"
        elif marker == b"\xda":
            if frame in _SEQUENTIAL and segment[-3:] != b"\0\x3f\0":
                segment, flag = segment[:-3] + b"\0\x3f\0", flag or "odd-header"
            parts, flag = _known_transform(parts, components, flag)
            rest = _without_zeros(data[stop:])
            return b"".join((*parts, segment, rest)), flag or ("" if len(rest) == end - stop else "extraneous-bytes")
        parts.append(segment)
        at = stop
    return data, ""


def _known_transform(parts: list[bytes], components: int, flag: str) -> tuple[list[bytes], str]:
    """The segments with a transform of colours that exists."""
    known = _TRANSFORMS.get(components)
    for index, segment in enumerate(parts):
        code = segment[_TRANSFORM : _TRANSFORM + 1]
        if known and segment[:2] == b"\xff\xee" and segment[4:9] == b"Adobe" and code and code not in known:
            changed = segment[:_TRANSFORM] + known[-1] + segment[_TRANSFORM + 1 :]
            return [*parts[:index], changed, *parts[index + 1 :]], flag or "odd-header"
    return parts, flag


def _without_zeros(rest: bytes) -> bytes:
    """Scans without the zeros before their end, by which some cameras fill files up to a fixed size."""
    end = rest.rfind(JPEG_END)
    return without_zeros(rest[:end]) + rest[end:] if end >= 0 else rest
