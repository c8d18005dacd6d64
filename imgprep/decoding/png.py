"""PNG and APNG: every chunk checked here, and only the chunks that make the pixels given to the decoder.

OpenCV's animated decoding can corrupt the heap, and ancillary chunks are where decompression bombs hide; neither ever
reaches libpng. What libpng then still checks is the compressed data: its length and its Adler checksum.
"""

import re
import struct
import zlib
from typing import Final

from imgprep.decoding.exif import orientation_of
from imgprep.decoding.header import DecodeOptions, Header, Reading, check_frames, check_size
from imgprep.errors import ImageError, one_line

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_PROFILES: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt"})
_DEPTHS: Final = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_READING: Final[dict[int, Reading]] = {0: "unchanged", 2: "rgb", 3: "rgb", 4: "unchanged", 6: "unchanged"}
MAX_CHUNKS: Final = 200_000
MAX_TEXT: Final = 1 << 20


def parse_png(data: bytes, options: DecodeOptions) -> Header:
    """Reads all chunks of a PNG.

    Raises:
        ImageError: cut, a bad checksum, an unknown critical chunk, or over a limit.
    """
    kept, extra, end = _chunks(data, options)
    width, height, depth, colour = struct.unpack(">IIBB", kept[0][8:18])
    if depth not in _DEPTHS.get(colour, ()):
        raise ImageError(f"PNG declares colour type {colour} with {depth} bits, which does not exist")
    transparency = extra.get(b"tRNS")
    flags, key, reading = [], None, _READING[colour]
    if colour == 3:
        flags.append("palette")
        if transparency is not None:
            reading = "unchanged"
            first_data = next((i for i, chunk in enumerate(kept) if chunk[4:8] == b"IDAT"), len(kept))
            kept.insert(first_data, _chunk(b"tRNS", transparency))
    elif transparency is not None and colour in {0, 2}:
        key = _colour_key(transparency, colour, depth)
    frames = struct.unpack(">I", extra[b"acTL"][:4])[0] if len(extra.get(b"acTL", b"")) >= 4 else 1
    check_frames("PNG", frames if frames < 1 << 31 else 1, options)
    if end < len(data):
        flags.append("trailing-bytes")
    return Header(
        width,
        height,
        reading,
        data=SIGNATURE + b"".join(kept) if extra or end < len(data) else None,
        orientation=_orientation(extra) if extra else 1,
        frames=frames if 0 < frames < 1 << 31 else 1,
        flags=tuple(flags),
        key=key,
        grey=colour == 4,
    )


def _chunks(data: bytes, options: DecodeOptions) -> tuple[list[bytes], dict[bytes, bytes], int]:
    """The chunks that make the pixels, the contents of the others that matter by their kind, and where it all ends."""
    kept: list[bytes] = []
    extra: dict[bytes, bytes] = {}
    size, at, number = len(data), 8, 0
    if data[12:16] != b"IHDR" or data[8:12] != b"\0\0\0\r" or size < 33:
        raise ImageError("PNG does not begin with a header chunk")
    width, height = struct.unpack(">II", data[16:24])
    check_size("PNG", width, height, options)
    while at + 12 <= size:
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > size:
            name = one_line(data[at + 4 : at + 8].decode("latin-1"))
            raise ImageError(f"PNG is cut: chunk {name} declares {end - at - 12} bytes, {size - at - 12} are there")
        chunk = data[at:end]
        kind = chunk[4:8]
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise ImageError(f"PNG has a bad checksum in chunk {one_line(kind.decode('latin-1'))}")
        if kind in _KEPT:
            kept.append(chunk)
            if kind == b"IEND":
                return kept, extra, end
        else:
            _note(extra, kind, chunk[8:-4])
        at, number = end, number + 1
        if number > MAX_CHUNKS:
            raise ImageError(f"PNG has more than {MAX_CHUNKS} chunks, the limit")
    raise ImageError("PNG is cut: no end chunk")


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


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _colour_key(transparency: bytes, colour: int, depth: int) -> tuple[int, ...] | None:
    """The transparent colour in the decoder's values.

    The decoder spreads 1, 2 and 4 bits over 8. The key of 1 bit is spread with them; that of 2 and 4 bits is not, so
    that only black can be transparent there: Pillow, whose pixels are the reference, compares so.
    """
    count = 1 if colour == 0 else 3
    if len(transparency) < 2 * count:
        return None
    mask, scale = (1 << depth) - 1, 255 if depth == 1 else 1
    return tuple((value & mask) * scale for value in struct.unpack_from(f">{count}H", transparency))


def _orientation(extra: dict[bytes, bytes]) -> int:
    """From eXIf, else from the text chunk in which ImageMagick hides EXIF, else from XMP."""
    exif = extra.get(b"exif", b"")
    if not exif:
        exif = _raw_profile(_text(extra, b"raw-"))
    return orientation_of(exif, _text(extra, b"xmp-"))


def _text(extra: dict[bytes, bytes], prefix: bytes) -> bytes:
    """The text of whichever of the three text chunks is there; at most ``MAX_TEXT`` bytes of it."""
    if (body := extra.get(prefix + b"tEXt")) is not None:
        return body.partition(b"\0")[2]
    if (body := extra.get(prefix + b"zTXt")) is not None:
        return _inflate(body.partition(b"\0")[2][1:])
    rest = extra.get(prefix + b"iTXt", b"").partition(b"\0")[2]
    text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return _inflate(text) if rest[:1] == b"\1" else text


def _inflate(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, MAX_TEXT)
    except zlib.error:
        return b""


def _raw_profile(text: bytes) -> bytes:
    """Undoes ImageMagick's form: a name, a length, and hexadecimal digits in lines."""
    digits = re.sub(rb"\s", b"", b"".join(text.split(b"\n")[3:]))
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""
