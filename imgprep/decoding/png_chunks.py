"""The chunks of a PNG, one after the other: checksums, order, limits, and which of them matter."""

import zlib
from typing import Final, NamedTuple

from imgprep.decoding.signatures import PNG
from imgprep.errors import ImageError, one_line

MAX_CHUNKS: Final = 200_000
MAX_UNPACKED: Final = 8_000_000
"""Bytes of a packed text or profile when it is unpacked, the limit of libpng; for all of them eight times as many."""
_MOST_BY_DEFLATE: Final = 1032
_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_ANIMATION: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_PROFILES: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt"})


class PngChunks(NamedTuple):
    """The chunks of a PNG that matter for decoding.

    Attributes:
        kept: the chunks that make the pixels, whole.
        extra: the contents of the others that matter, by their kind.
        animation: kind and contents of what speaks of an animation before the pixels.
        end: where the PNG ends.
    """

    kept: list[bytes]
    extra: dict[bytes, bytes]
    animation: list[tuple[bytes, bytes]]
    end: int


def read_chunks(data: bytes) -> PngChunks:
    """Walks all chunks behind the signature.

    Raises:
        ImageError: cut, a bad checksum, an unknown critical chunk, pixels in pieces, or over a limit.
    """
    found = PngChunks([], {}, [], 0)
    at, unpacked = len(PNG), 0
    pixels = previous = b""
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            raise ImageError("PNG is cut: no end chunk")
        end, kind, body = _chunk_at(data, at)
        if kind in _KEPT:
            if kind == pixels != previous:
                raise ImageError("PNG has another chunk among those of its pixels")
            found.kept.append(data[at:end])
            pixels = kind if kind == b"IDAT" else pixels
        else:
            if not pixels and kind in _ANIMATION:
                found.animation.append((kind, body))
            unpacked += _unpacked(kind, body)
            if unpacked > 8 * MAX_UNPACKED:
                raise ImageError(f"PNG has texts and profiles of more than {8 * MAX_UNPACKED} bytes, the limit")
            _note(found.extra, kind, body)
        if kind == b"IEND":
            return found._replace(end=end)
        at, previous = end, kind
    raise ImageError(f"PNG has more than {MAX_CHUNKS} chunks, the limit")


def _chunk_at(data: bytes, at: int) -> tuple[int, bytes, bytes]:
    """Returns the end of a chunk, its kind and its contents."""
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    kind = data[at + 4 : at + 8]
    if end > len(data):
        name, there = one_line(kind.decode("latin-1")), len(data) - at - 12
        raise ImageError(f"PNG is cut: chunk {name} declares {end - at - 12} bytes, {there} are there")
    if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
        raise ImageError(f"PNG has a bad checksum in chunk {one_line(kind.decode('latin-1'))}")
    return end, kind, data[at + 8 : end - 4]


def _unpacked(kind: bytes, body: bytes) -> int:
    """Bytes of a packed text or profile when it is unpacked; 0 when it is too short to be of interest.

    Raises:
        ImageError: more than ``MAX_UNPACKED``.
    """
    if kind not in {b"iCCP", b"zTXt", b"iTXt"} or len(body) * _MOST_BY_DEFLATE <= MAX_UNPACKED:
        return 0
    packed = body.partition(b"\0")[2][1:]
    if kind == b"iTXt":
        packed = packed[1:].split(b"\0", 2)[-1]
    try:
        size = len(zlib.decompressobj().decompress(packed, MAX_UNPACKED + 1))
    except zlib.error:
        return 0
    if size > MAX_UNPACKED:
        raise ImageError(f"PNG has a chunk {kind.decode('ascii')} of more than {MAX_UNPACKED} bytes, the limit")
    return size


def _note(extra: dict[bytes, bytes], kind: bytes, body: bytes) -> None:
    """Remembers a chunk that is not for the decoder."""
    if not kind[0] & 0x20:
        raise ImageError(f"PNG needs the unknown chunk {one_line(kind.decode('latin-1'))} to be understood")
    if kind not in _PROFILES:
        extra.setdefault(kind, body)
    elif kind == b"eXIf" or body.startswith(b"Raw profile type exif\0"):
        extra.setdefault(b"exif" if kind == b"eXIf" else b"raw-" + kind, body)
    elif body.startswith(b"XML:com.adobe.xmp\0"):
        extra.setdefault(b"xmp-" + kind, body)
    else:
        extra.setdefault(kind, b"")
