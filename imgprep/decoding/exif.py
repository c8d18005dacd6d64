"""The orientation tag, from EXIF and from XMP."""

import re
import struct
from typing import Final

ORIENTATION_TAG: Final = 0x0112
_FORMATS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_XMP: Final = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])")
_PREFIX: Final = b"Exif\0\0"


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
    value = _from_tiff(exif) if len(exif) > 13 else 0
    if not value and xmp and (found := _XMP.search(xmp)):
        value = int(found[1])
    return value if 1 <= value <= 8 else 1


def _from_tiff(exif: bytes) -> int:
    """The tag of the first directory; 0 when it is missing or unreadable."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 0
    (start,) = struct.unpack_from(order + "I", exif, 4)
    if start + 2 > len(exif):
        return 0
    (count,) = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", exif, at)
        if tag == ORIENTATION_TAG and number == 1 and kind in _FORMATS:
            return int(struct.unpack_from(order + _FORMATS[kind], exif, at + 8)[0])
    return 0
