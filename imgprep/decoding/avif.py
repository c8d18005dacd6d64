"""AVIF: the boxes that tell size, depth, turning and animation of the primary image.

OpenCV never turns an AVIF. Its ``irot`` and ``imir`` properties say how it is meant, and only they do: the format's
rules (MIAF, ISO/IEC 23000-22) tell readers to ignore the orientation in EXIF and XMP.
"""

from typing import Final

from imgprep.decoding.format_header import DecodeOptions, Header, check_frames, check_size
from imgprep.decoding.iso_media import (
    BoxError,
    frames_of,
    outer_boxes,
    primary_properties,
    profile_of,
    size_of,
    turns_of,
)
from imgprep.errors import ImageError

# (quarter turns anticlockwise, mirror axis or -1) -> EXIF orientation; the turn is made before the mirroring.
_ORIENTATIONS: Final = {
    (0, -1): 1, (1, -1): 8, (2, -1): 3, (3, -1): 6,
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,
}  # fmt: skip


def parse_avif(data: bytes, options: DecodeOptions) -> Header:
    """Reads the properties of the primary image.

    Raises:
        ImageError: cut, without the needed boxes, or over a limit.
    """
    try:
        outer, flags = outer_boxes(data)
        properties = primary_properties(data, outer)
        width, height = size_of(properties)
    except BoxError as error:
        raise ImageError(f"AVIF is cut or damaged: {error}") from None
    check_size("AVIF", width, height, options)
    frames = frames_of(data, outer)
    check_frames("AVIF", frames, options)
    depth = _depth(properties)
    return Header(
        width,
        height,
        orientation=_ORIENTATIONS[turns_of(properties)],
        frames=frames,
        largest=(1 << depth) - 1 if depth > 8 else 0,
        flags=flags,
        profile=profile_of(properties),
    )


def _depth(properties: list[tuple[bytes, bytes]]) -> int:
    """Bits of a sample."""
    for kind, body in properties:
        if kind == b"av1C" and len(body) > 2:
            return (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
    return 8
