"""PNG and APNG: every chunk checked here, and only the chunks that make the pixels given to the decoder.

OpenCV's animated decoding can corrupt the heap, and ancillary chunks are where decompression bombs hide; neither ever
reaches libpng. What libpng then still checks is the compressed data: its length and its Adler checksum.
"""

import re
import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding.exif import orientation_of
from imgprep.decoding.format_header import DecodeOptions, Header, Reading, check_frames, check_size
from imgprep.decoding.opencv import decode_with_opencv
from imgprep.decoding.png_chunks import MAX_UNPACKED, PngChunks, read_chunks
from imgprep.decoding.signatures import PNG
from imgprep.errors import ImageError

_DEPTHS: Final = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_READING: Final[dict[int, Reading]] = {0: "unchanged", 2: "rgb", 3: "rgb", 4: "unchanged", 6: "unchanged"}
# Least and most bytes of tRNS by the kind of colours.
_TRANSPARENT: Final = {0: (2, 256), 2: (6, 256), 3: (0, 256)}
MAX_TEXT: Final = 1 << 20
_PIECE: Final = 1 << 20


def parse_png(data: bytes, options: DecodeOptions) -> Header:
    """Reads all chunks of a PNG.

    Raises:
        ImageError: cut, a bad checksum, an unknown critical chunk, or over a limit.
    """
    if data[12:16] != b"IHDR" or data[8:12] != b"\0\0\0\r" or len(data) < 33:
        raise ImageError("PNG does not begin with a header chunk")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    check_size("PNG", width, height, options)
    found = read_chunks(data)
    kept, extra, _, end = found
    if depth not in _DEPTHS.get(colour, ()):
        raise ImageError(f"PNG declares colour type {colour} with {depth} bits, which does not exist")
    transparency = _transparency(found, colour)
    flags, key, reading = [], None, _READING[colour]
    if colour == 3:
        flags.append("palette")
        if transparency is not None:
            reading = "unchanged"
            first_data = next((i for i, chunk in enumerate(kept) if chunk[4:8] == b"IDAT"), len(kept))
            kept.insert(first_data, _chunk(b"tRNS", transparency))
    elif transparency is not None:
        key = _colour_key(transparency, colour, depth)
    frames = _frames(found, width, height)
    check_frames("PNG", frames, options)
    if end < len(data):
        flags.append("trailing-bytes")
    return Header(
        width,
        height,
        reading=reading,
        data=PNG + b"".join(kept) if extra or end < len(data) else None,
        orientation=_orientation(extra) if extra else 1,
        frames=frames,
        flags=tuple(flags),
        key=key,
        grey=colour == 4,
        profile=_profile(extra[b"iCCP"]) if b"iCCP" in extra else b"",
    )


def decode_png(data: bytes, header: Header) -> NDArray[np.integer]:
    """The stored samples, by OpenCV.

    Raises:
        ImageError: damaged; the reason is zlib's, where it gives one.
    """
    try:
        return decode_with_opencv(data, header)
    except ImageError as error:
        why = _compression_fault(data)
        raise ImageError(f"damaged: its compressed pixels have an error: {why}" if why else str(error)) from None


def _compression_fault(data: bytes) -> str:
    """Returns the fault that zlib finds in the pixels; '' when there is none."""
    unpacker = zlib.decompressobj()
    try:
        for chunk in read_chunks(data).kept:
            piece = chunk[8:-4] if chunk[4:8] == b"IDAT" else b""
            while piece:
                unpacker.decompress(piece, _PIECE)
                piece = unpacker.unconsumed_tail
    except zlib.error as error:
        return str(error).rpartition(": ")[2]
    return "" if unpacker.eof else "they end early"


def _profile(body: bytes) -> bytes:
    """The ICC profile of the chunk iCCP; where that is damaged, something that is none."""
    return _inflate(body.partition(b"\0")[2][1:], MAX_UNPACKED) or b"damaged"


def _transparency(found: PngChunks, colour: int) -> bytes | None:
    """The contents of the chunk tRNS: right for the kind of colours, and not longer than the palette.

    Raises:
        ImageError: too short, or of more colours than any palette has.
    """
    body = found.extra.get(b"tRNS")
    if body is None or colour not in _TRANSPARENT:
        return None
    least, most = _TRANSPARENT[colour]
    if not least <= len(body) <= most:
        raise ImageError(f"PNG has a transparency of {len(body)} bytes, which its colours cannot have")
    if colour != 3:
        return body
    palette = next((chunk for chunk in found.kept if chunk[4:8] == b"PLTE"), b"")
    return body[: (len(palette) - 12) // 3] if palette else body


def _frames(found: PngChunks, width: int, height: int) -> int:
    """Returns the number of frames that an animation declares; 1 for a still image.

    What stands before the pixels must be in order: it says that they are the first frame.

    Raises:
        ImageError: it is not.
    """
    kinds = [kind for kind, _ in found.animation]
    if b"acTL" not in kinds:
        return 1
    (declared,) = struct.unpack(">I", dict(found.animation)[b"acTL"][:4].rjust(4, b"\0"))
    controls = [body for kind, body in found.animation if kind != b"acTL"]
    whole = struct.pack(">IIII", width, height, 0, 0)
    if b"fdAT" in kinds or any(
        body[:4] != struct.pack(">I", number) or body[4:20] != whole for number, body in enumerate(controls)
    ):
        raise ImageError("PNG has an animation whose first frame is out of order")
    return declared if 0 < declared < 1 << 31 else 1


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _colour_key(transparency: bytes, colour: int, depth: int) -> tuple[int, ...]:
    """The transparent colour in the decoder's values, which spread 1, 2 and 4 bits evenly over 8.

    Only as many bits of the chunk count as samples have, as the standard says.
    """
    count = 1 if colour == 0 else 3
    top = (1 << depth) - 1
    scale = 255 // top if depth < 8 else 1
    return tuple((value & top) * scale for value in struct.unpack_from(f">{count}H", transparency))


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


def _inflate(packed: bytes, most: int = MAX_TEXT) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error:
        return b""


def _raw_profile(text: bytes) -> bytes:
    """Undoes ImageMagick's form: a name, a length, and hexadecimal digits in lines."""
    digits = re.sub(rb"\s", b"", b"".join(text.split(b"\n")[3:]))
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""
