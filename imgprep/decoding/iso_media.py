"""Files in ISO's media format (ISO/IEC 14496-12), as AVIF and HEIF are: their boxes and the properties of the image."""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

_MAX_BOXES: Final = 10_000
_PRINTABLE: Final = range(0x20, 0x7F)
_PROFILES: Final = frozenset({b"prof", b"rICC"})


class BoxError(ValueError):
    """The boxes of a file are damaged; the message says how in a few words."""


def size_of(properties: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """Width and height, before any turning.

    Raises:
        BoxError: the properties have none.
    """
    for kind, body in properties:
        if kind == b"ispe" and len(body) >= 12:
            width, height = struct.unpack(">II", body[4:12])
            return width, height
    raise BoxError("it declares no size")


def cropped_size_of(properties: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """Width and height of what is to be shown, before any turning.

    Raises:
        BoxError: the properties have none, or an impossible one.
    """
    for kind, body in properties:
        if kind == b"clap" and len(body) >= 16:
            width, by, height, across = struct.unpack(">4I", body[:16])
            if not by or not across:
                raise BoxError("it declares an impossible crop")
            return width // by, height // across
    return size_of(properties)


def turns_of(properties: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """Quarter turns anticlockwise, and the axis of the mirroring that follows them; -1 for none."""
    turns, axis = 0, -1
    for kind, body in properties:
        if kind == b"irot" and body:
            turns = body[0] & 3
        elif kind == b"imir" and body:
            axis = body[0] & 1
    return turns, axis


def profile_of(properties: list[tuple[bytes, bytes]]) -> bytes:
    """The ICC profile; empty when there is none."""
    return next((body[4:] for kind, body in properties if kind == b"colr" and body[:4] in _PROFILES), b"")


def outer_boxes(data: bytes) -> tuple[dict[bytes, tuple[int, int]], tuple[str, ...]]:
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
            raise BoxError("a box goes beyond its end")
        yield data[at + 4 : at + 8], (at + head, at + length)
        at += length


def primary_properties(data: bytes, outer: Mapping[bytes, tuple[int, int]]) -> list[tuple[bytes, bytes]]:
    """The properties that belong to the primary item, in their order: kind and contents.

    Args:
        data: the file.
        outer: its outermost boxes.

    Raises:
        BoxError: there are none, or they cannot be read.
    """
    if b"meta" not in outer:
        raise BoxError("it has no image in it")
    try:
        return _properties(data, *outer[b"meta"])
    except (struct.error, IndexError, KeyError):
        raise BoxError("its boxes cannot be read") from None


def _properties(data: bytes, start: int, end: int) -> list[tuple[bytes, bytes]]:
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


def frames_of(data: bytes, top: dict[bytes, tuple[int, int]]) -> int:
    """Samples of the first track of a sequence; 1 for a still image."""
    if b"moov" not in top:
        return 1
    start, end = top[b"moov"]
    at = data.find(b"stsz", start, end)
    return max(1, int.from_bytes(data[at + 12 : at + 16], "big")) if at >= 0 else 1
