"""The image formats that are read: one table to recognise, parse and decode files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgprep.decoding import signatures
from imgprep.decoding.foreign_formats import name_of
from imgprep.decoding.format_header import DecodeOptions, Header
from imgprep.errors import ImageError
from imgprep.util.lazy_table import imported

JPEG_START: Final = b"\xff\xd8\xff"
_FTYP: Final = b"ftyp"
_MAX_BRANDS: Final = 124
_OPENCV: Final = "opencv:decode_with_opencv"
_UNPACK_OR_OPENCV: Final = "opencv:unpack_or_opencv"

Magic = bytes | tuple[tuple[int, bytes], ...]
"""Bytes at the start of a file, or several pieces and their places, all of which must be there."""


Parse = Callable[[bytes, DecodeOptions], Header]
Decode = Callable[[bytes, Header], NDArray[np.integer]]


class Codec(NamedTuple):
    """The two functions of a format; see `Format`."""

    parse: Parse
    decode: Decode


def unpack(_: bytes, header: Header) -> NDArray[np.integer]:
    """Decodes what the parser has prepared."""
    assert header.unpack is not None
    return header.unpack()


@dataclass(frozen=True, slots=True)
class Format:
    """An image file format.

    Attributes:
        name: of the format.
        magics: what its files begin with; one of them is enough.
        extensions: of its files, in lower case without the dot.
        parser: reads the header and checks it against the limits, before memory is spent on pixels: the function, or
            ``module:function`` of one in this folder, which is imported for the first file.
        decoder: the same for the function that gives the stored samples: (H, W) or (H, W, C), grey, RGB or RGBA, of 8
            or 16 bits.
        brands: of files in ISO's media format (ISO/IEC 14496-12) that are of this format.
    """

    name: str
    magics: tuple[Magic, ...]
    extensions: frozenset[str]
    parser: Parse | str
    decoder: Decode | str = unpack
    brands: frozenset[bytes] = frozenset()

    def codec(self) -> Codec:
        """The functions of the format, imported now."""
        return Codec(_function(self.parser), _function(self.decoder))

    def matches(self, data: bytes) -> bool:
        """Returns whether a file begins like one of this format."""
        return any(_begins(data, magic) for magic in self.magics) or not self.brands.isdisjoint(_brands(data))


FORMATS: Final = (
    Format(
        "JPEG",
        (JPEG_START,),
        frozenset({"jpg", "jpeg", "jpe", "jfif", "jif", "mpo"}),
        "jpeg_decode:parse_jpeg_header",
        "jpeg_decode:decode_jpeg",
    ),
    Format("PNG", (signatures.PNG,), frozenset({"png", "apng"}), "png:parse_png", "png:decode_png"),
    Format("GIF", (b"GIF87a", b"GIF89a"), frozenset({"gif"}), "gif:parse_gif"),
    Format("BMP", (b"BM",), frozenset({"bmp", "dib"}), "bmp:parse_bmp"),
    Format("WebP", (((0, b"RIFF"), (8, b"WEBP")),), frozenset({"webp"}), "webp:parse_webp", _OPENCV),
    Format(
        "TIFF",
        (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        frozenset({"tif", "tiff"}),
        "tiff:parse_tiff",
        _UNPACK_OR_OPENCV,
    ),
    Format(
        "AVIF",
        (),
        frozenset({"avif", "avifs"}),
        "avif:parse_avif",
        _OPENCV,
        frozenset({b"avif", b"avis"}),
    ),
    Format(
        "HEIC",
        (),
        frozenset({"heic", "heif", "hif"}),
        "heif:parse_heif",
        unpack,
        frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}),
    ),
    Format("JPEG XL", (signatures.JPEG_XL, b"\0\0\0\x0cJXL \r\n\x87\n"), frozenset({"jxl"}), "jpegxl:parse_jpegxl"),
    Format(
        "JPEG 2000",
        (signatures.JPEG_2000, b"\0\0\0\x0cjP  \r\n\x87\n"),
        frozenset({"jp2", "j2k", "jpc", "j2c", "jpx", "jpf", "jph", "jhc"}),
        "jpeg2000:parse_jpeg2000",
        _UNPACK_OR_OPENCV,
    ),
    Format(
        "PNM",
        tuple(b"P%d" % number for number in range(1, 7)),
        frozenset({"pbm", "pgm", "ppm", "pnm"}),
        "pnm:parse_pnm",
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


def _function(given: Callable[..., Any] | str) -> Callable[..., Any]:
    """The function of a format; one that is named is imported."""
    found: Callable[..., Any] = imported(f"imgprep.decoding.{given}") if isinstance(given, str) else given
    return found


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
