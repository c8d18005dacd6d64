"""AVIF: the boxes that tell size, depth, turning and animation of the primary image.

OpenCV never turns an AVIF. Its ``irot`` and ``imir`` properties say how it is meant, and only they do: the format's
rules (MIAF, ISO/IEC 23000-22) tell readers to ignore the orientation in EXIF and XMP.
"""

import struct
from collections.abc import Iterator
from typing import Final

from imgprep.decoding.format_header import DecodeOptions, Header, check_frames, check_size
from imgprep.errors import ImageError

# (quarter turns anticlockwise, mirror axis or -1) -> EXIF orientation; the turn is made before the mirroring.
_ORIENTATIONS: Final = {
    (0, -1): 1, (1, -1): 8, (2, -1): 3, (3, -1): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip
_PROFILES: Final = frozenset({b"prof", b"rICC"})
_MAX_BOXES: Final = 10_000
_PRINTABLE: Final = range(0x20, 0x7F)


def parse_avif(data: bytes, options: DecodeOptions) -> Header:
    """Reads the properties of the primary image.

    Raises:
        ImageError: cut, without the needed boxes, or over a limit.
    """
    top, flags = _top(data)
    if b"meta" not in top:
        raise ImageError("AVIF is cut or has no image in it")
    try:
        properties = _properties(data, *top[b"meta"])
    except (struct.error, IndexError, KeyError):
        raise ImageError("AVIF is cut or its boxes cannot be read") from None
    sizes = [struct.unpack(">II", body[4:12]) for kind, body in properties if kind == b"ispe" and len(body) >= 12]
    if not sizes:
        raise ImageError("AVIF declares no size")
    width, height = sizes[0]
    check_size("AVIF", width, height, options)
    turns, axis, depth, profile = 0, -1, 8, b""
    for kind, body in properties:
        if kind == b"irot" and body:
            turns = body[0] & 3
        elif kind == b"imir" and body:
            axis = body[0] & 1
        elif kind == b"colr" and body[:4] in _PROFILES:
            profile = body[4:]
        elif kind == b"av1C" and len(body) > 2:
            depth = (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
    frames = _frames(data, top)
    check_frames("AVIF", frames, options)
    return Header(
        width,
        height,
        orientation=_ORIENTATIONS[turns, axis],
        frames=frames,
        largest=(1 << depth) - 1 if depth > 8 else 0,
        flags=flags,
        profile=profile,
    )


def _top(data: bytes) -> tuple[dict[bytes, tuple[int, int]], tuple[str, ...]]:
    """The outermost boxes; and a flag when what follows the image is no box."""
    top: dict[bytes, tuple[int, int]] = {}
    at, complete = 0, {b"meta", b"mdat"}
    while at + 8 <= len(data) and len(top) < _MAX_BOXES:
        kind = data[at + 4 : at + 8]
        if complete <= top.keys() and not all(byte in _PRINTABLE and byte != 0x20 for byte in kind):
            return top, ("trailing-bytes",)
        (_, place) = next(_boxes(data, at, len(data)))
        top[kind], at = place, place[1]
    return top, ("trailing-bytes",) if complete <= top.keys() and at < len(data) else ()


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Kind and range of contents of each box in a range."""
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif length == 0:
            length = end - at
        if length < head or at + length > end:
            raise ImageError("AVIF is cut: a box goes beyond its end")
        yield data[at + 4 : at + 8], (at + head, at + length)
        at += length


def _properties(data: bytes, start: int, end: int) -> list[tuple[bytes, bytes]]:
    """The properties that belong to the primary item, in their order."""
    meta = dict(_boxes(data, start + 4, end))
    at, _ = meta[b"pitm"]
    primary = struct.unpack_from(">I" if data[at] else ">H", data, at + 4)[0]
    inner = dict(_boxes(data, *meta[b"iprp"]))
    known = [(kind, data[begin:stop]) for kind, (begin, stop) in _boxes(data, *inner[b"ipco"])]
    return [known[index - 1] for index in _associated(data[slice(*inner[b"ipma"])], primary) if 0 < index <= len(known)]


def _associated(body: bytes, primary: int) -> list[int]:
    """The numbers of the primary item's properties, from the association box."""
    wide, long = body[0] > 0, body[3] & 1
    (entries,) = struct.unpack_from(">I", body, 4)
    at = 8
    for _ in range(min(entries, len(body))):
        (item,) = struct.unpack_from(">I" if wide else ">H", body, at)
        at += 4 if wide else 2
        count, at = body[at], at + 1
        form, mask = (">H", 0x7FFF) if long else (">B", 0x7F)
        step = 2 if long else 1
        if item == primary:
            return [struct.unpack_from(form, body, at + i * step)[0] & mask for i in range(count)]
        at += count * step
    return []


def _frames(data: bytes, top: dict[bytes, tuple[int, int]]) -> int:
    """Samples of the first track of a sequence; 1 for a still image."""
    if b"moov" not in top:
        return 1
    start, end = top[b"moov"]
    at = data.find(b"stsz", start, end)
    return max(1, int.from_bytes(data[at + 12 : at + 16], "big")) if at >= 0 else 1
