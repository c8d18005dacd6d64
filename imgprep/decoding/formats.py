"""The image formats that are read: one table to recognise, parse and decode files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding import jpegxl
from imgprep.decoding.avif import parse_avif
from imgprep.decoding.bmp import parse_bmp
from imgprep.decoding.foreign_formats import name_of
from imgprep.decoding.format_header import DecodeOptions, Header
from imgprep.decoding.gif import parse_gif
from imgprep.decoding.heif import parse_heif
from imgprep.decoding.jpeg2000 import BOXED, CODESTREAM, parse_jpeg2000
from imgprep.decoding.jpeg_decode import decode_jpeg, parse_jpeg_header
from imgprep.decoding.opencv import decode_with_opencv
from imgprep.decoding.png import decode_png, parse_png
from imgprep.decoding.png_chunks import SIGNATURE
from imgprep.decoding.pnm import parse_pnm
from imgprep.decoding.tiff import parse_tiff
from imgprep.decoding.webp import parse_webp
from imgprep.errors import ImageError

JPEG_START: Final = b"\xff\xd8\xff"
_FTYP: Final = b"ftyp"
_MAX_BRANDS: Final = 124

Magic = bytes | tuple[tuple[int, bytes], ...]
"""Bytes at the start of a file, or several pieces and their places, all of which must be there."""


def unpack(_: bytes, header: Header) -> NDArray[np.integer]:
    """Decodes what the parser has prepared."""
    assert header.unpack is not None
    return header.unpack()


def unpack_or_opencv(data: bytes, header: Header) -> NDArray[np.integer]:
    """Decodes what the parser has prepared, or all of the file by OpenCV."""
    return unpack(data, header) if header.unpack else decode_with_opencv(data, header)


@dataclass(frozen=True, slots=True)
class Format:
    """An image file format.

    Attributes:
        name: of the format.
        magics: what its files begin with; one of them is enough.
        extensions: of its files, in lower case without the dot.
        parse: reads the header and checks it against the limits, before memory is spent on pixels.
        decode: gives the stored samples: (H, W) or (H, W, C), grey, RGB or RGBA, of 8 or 16 bits.
        brands: of files in ISO's media format (ISO/IEC 14496-12) that are of this format.
    """

    name: str
    magics: tuple[Magic, ...]
    extensions: frozenset[str]
    parse: Callable[[bytes, DecodeOptions], Header]
    decode: Callable[[bytes, Header], NDArray[np.integer]]
    brands: frozenset[bytes] = frozenset()

    def matches(self, data: bytes) -> bool:
        """Returns whether a file begins like one of this format."""
        return any(_begins(data, magic) for magic in self.magics) or not self.brands.isdisjoint(_brands(data))


FORMATS: Final = (
    Format(
        "JPEG",
        (JPEG_START,),
        frozenset({"jpg", "jpeg", "jpe", "jfif", "jif", "mpo"}),
        parse_jpeg_header,
        decode_jpeg,
    ),
    Format("PNG", (SIGNATURE,), frozenset({"png", "apng"}), parse_png, decode_png),
    Format("GIF", (b"GIF87a", b"GIF89a"), frozenset({"gif"}), parse_gif, unpack),
    Format("BMP", (b"BM",), frozenset({"bmp", "dib"}), parse_bmp, unpack),
    Format("WebP", (((0, b"RIFF"), (8, b"WEBP")),), frozenset({"webp"}), parse_webp, decode_with_opencv),
    Format(
        "TIFF",
        (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        frozenset({"tif", "tiff"}),
        parse_tiff,
        unpack_or_opencv,
    ),
    Format(
        "AVIF",
        (),
        frozenset({"avif", "avifs"}),
        parse_avif,
        decode_with_opencv,
        frozenset({b"avif", b"avis"}),
    ),
    Format(
        "HEIC",
        (),
        frozenset({"heic", "heif", "hif"}),
        parse_heif,
        unpack,
        frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}),
    ),
    Format("JPEG XL", (jpegxl.CODESTREAM, jpegxl.BOXED), frozenset({"jxl"}), jpegxl.parse_jpegxl, unpack),
    Format(
        "JPEG 2000",
        (CODESTREAM, BOXED),
        frozenset({"jp2", "j2k", "jpc", "j2c", "jpx", "jpf", "jph", "jhc"}),
        parse_jpeg2000,
        unpack_or_opencv,
    ),
    Format(
        "PNM",
        tuple(b"P%d" % number for number in range(1, 7)),
        frozenset({"pbm", "pgm", "ppm", "pnm"}),
        parse_pnm,
        unpack,
    ),
)
"""In the order in which they are asked."""


def sniff(data: bytes) -> Format:
    """The format of a file that imgprep reads.

    Raises:
        ImageError: another format, named in the reason where it is known.
    """
    for form in FORMATS:
        if form.matches(data):
            return form
    name = name_of(data)
    advice = "; save it with 16 bits, or as an array in npz or HDF5 with convert.range" if "float" in name else ""
    raise ImageError(f"not an image that imgprep reads ({f'looks like {name}' if name else 'unknown format'}){advice}")


def format_of_extension(extension: str) -> Format | None:
    """The format whose files have an extension, in any case; None when imgprep reads none of it."""
    extension = extension.lower()
    for form in FORMATS:
        if extension in form.extensions:
            return form
    return None


def _begins(data: bytes, magic: Magic) -> bool:
    if isinstance(magic, bytes):
        return data.startswith(magic)
    return all(data.startswith(piece, place) for place, piece in magic)


def _brands(data: bytes) -> frozenset[bytes]:
    """The brands that a file in ISO's media format declares."""
    if data[4:8] != _FTYP:
        return frozenset()
    end = min(int.from_bytes(data[:4], "big"), 16 + 4 * _MAX_BRANDS)
    return frozenset(data[at : at + 4] for at in (8, *range(16, end, 4)))
