"""JPEG headers that are odd but harmless, rewritten as libjpeg expects them."""

from typing import Final

from imgprep.decoding.jpeg_scans import FRAMES, JPEG_END, WITHOUT_LENGTH, without_zeros

_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC9})
# Of the Adobe segment: how colours are coded, by the number of components; libjpeg takes any other for the last.
_TRANSFORM: Final = 15
_TRANSFORMS: Final = {3: (b"\0", b"\1"), 4: (b"\0", b"\2")}
_PROFILE: Final = b"ICC_PROFILE\0"


def repair_header(data: bytes) -> tuple[bytes, str]:
    """Takes out what makes libjpeg complain without harm to the pixels.

    libjpeg reports only its first complaint, so an odd header would hide real damage behind it: the repaired file is
    what has to decode without one. Repaired are bytes between segments (ITU-T T.81 allows only fill bytes there), zeros
    before the end, an unknown JFIF revision, an unknown transform of Adobe's, and scan parameters that a sequential
    JPEG must not choose. Colour profiles are left out: the pixels do not need them.

    Returns:
        The file with a clean header, and the flag that says what was wrong: '' when nothing was. The file itself when
        its header cannot be repaired.
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
        if not marker or marker[0] in WITHOUT_LENGTH:
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
        if marker != b"\xe2" or not segment.startswith(_PROFILE, 4):
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
