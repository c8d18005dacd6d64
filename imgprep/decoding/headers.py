"""The format of a file, by its first bytes."""

from collections.abc import Callable
from typing import Final

from imgprep.decoding.avif import parse_avif
from imgprep.decoding.bmp import parse_bmp
from imgprep.decoding.foreign_formats import name_of
from imgprep.decoding.gif import parse_gif
from imgprep.decoding.header import DecodeOptions, Header
from imgprep.decoding.jpeg2000 import BOXED, CODESTREAM, parse_jpeg2000
from imgprep.decoding.png import parse_png
from imgprep.decoding.png_chunks import SIGNATURE
from imgprep.decoding.pnm import parse_pnm
from imgprep.decoding.tiff import parse_tiff
from imgprep.decoding.webp import parse_webp
from imgprep.errors import ImageError

JPEG_START: Final = b"\xff\xd8\xff"
_TIFF_STARTS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_AVIF_BRANDS: Final = (b"avif", b"avis")

PARSERS: Final[dict[str, Callable[[bytes, DecodeOptions], Header]]] = {
    "PNG": parse_png,
    "GIF": parse_gif,
    "BMP": parse_bmp,
    "WebP": parse_webp,
    "TIFF": parse_tiff,
    "AVIF": parse_avif,
    "JPEG 2000": parse_jpeg2000,
    "PNM": parse_pnm,
}

EXTENSIONS: Final[dict[str, frozenset[str]]] = {
    "JPEG": frozenset({"jpg", "jpeg", "jpe", "jfif", "jif", "mpo"}),
    "PNG": frozenset({"png", "apng"}),
    "GIF": frozenset({"gif"}),
    "BMP": frozenset({"bmp", "dib"}),
    "WebP": frozenset({"webp"}),
    "TIFF": frozenset({"tif", "tiff"}),
    "AVIF": frozenset({"avif", "avifs"}),
    "JPEG 2000": frozenset({"jp2", "j2k", "jpc", "j2c", "jpx", "jpf", "jph", "jhc"}),
    "PNM": frozenset({"pbm", "pgm", "ppm", "pnm"}),
}

_READ_BY_START: Final = (
    (JPEG_START, "JPEG"),
    (SIGNATURE, "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (CODESTREAM, "JPEG 2000"),
    (BOXED, "JPEG 2000"),
    *((start, "TIFF") for start in _TIFF_STARTS),
    *((b"P%d" % number, "PNM") for number in range(1, 7)),
    (b"BM", "BMP"),
)


def sniff(data: bytes) -> str:
    """Names the format of a file that imgprep reads: a key of ``EXTENSIONS``.

    Raises:
        ImageError: another format, named in the reason where it is known.
    """
    for start, name in _READ_BY_START:
        if data.startswith(start):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        length = min(int.from_bytes(data[:4], "big"), 512)
        brands = [data[at : at + 4] for at in (8, *range(16, length, 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return "AVIF"
    name = name_of(data)
    raise ImageError(f"not an image that imgprep reads ({f'looks like {name}' if name else 'unknown format'})")


def parse_header(data: bytes, options: DecodeOptions) -> Header:
    """Sniffs and parses everything but JPEG, which has its own shorter way.

    Raises:
        ImageError: not read, cut, or over a limit.
    """
    return PARSERS[sniff(data)](data, options)
