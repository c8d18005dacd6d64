"""The orientation tag, from EXIF and from XMP."""

import re
import struct
from typing import Final

ORIENTATION_TAG: Final = 0x0112
_FORMATS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_XMP: Final = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])")
_PREFIX: Final = b"Exif\0\0"
# The second two have the bytes of the number 42 in the other order, as some cameras do.
_STARTS: Final = {b"II*\0": "<", b"MM\0*": ">", b"MM*\0": ">", b"II\0*": "<"}
_MISSING: Final = -1


def orientation_of(exif: bytes, xmp: bytes = b"") -> int:
    r"""Finds the orientation; EXIF goes before XMP, and nonsense counts as upright.

    Args:
        exif: a TIFF structure, with or without (repeated) ``Exif\0\0`` before it; empty when there is none.
        xmp: an XMP packet, empty when there is none.

    Returns:
        1 to 8 as the EXIF standard numbers them; 1 is upright.
    """
    while exif.startswith(_PREFIX):
        exif = exif[6:]
    value = _from_tiff(exif) if len(exif) > 13 else _MISSING
    if value == _MISSING and xmp and (found := _XMP.search(xmp)):
        value = int(found[1])
    return value if 1 <= value <= 8 else 1


def _from_tiff(exif: bytes) -> int:
    """The tag of the first directory; ``_MISSING`` when it is not there or unreadable."""
    order = _STARTS.get(exif[:4])
    if order is None:
        return _MISSING
    (start,) = struct.unpack_from(order + "I", exif, 4)
    if start + 2 > len(exif):
        return _MISSING
    (count,) = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", exif, at)
        if tag == ORIENTATION_TAG and number and kind in _FORMATS:
            form = _FORMATS[kind]
            # Of several values the first counts; they are elsewhere when they need more than four bytes.
            inline = number * struct.calcsize("=" + form) <= 4
            place = at + 8 if inline else struct.unpack_from(order + "I", exif, at + 8)[0]
            return int(struct.unpack_from(order + form, exif, place)[0]) if place + 4 <= len(exif) else _MISSING
    return _MISSING
