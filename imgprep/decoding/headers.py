"""What a file is, by its first bytes: the formats that are read, and the names of those that are not."""

from collections.abc import Callable
from typing import Final

from imgprep.decoding.avif import parse_avif
from imgprep.decoding.bmp import parse_bmp
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
_HEIF_BRANDS: Final = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")

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

_REFUSED_BY_START: Final = (
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"%!PS", "PostScript or EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop PSD"),
    (b"PF", "float image PFM"),
    (b"Pf", "float image PFM"),
    (b"P7", "PAM or XV thumbnail"),
    (b"#?RADIANCE", "float image Radiance HDR"),
    (b"#?RGBE", "float image Radiance HDR"),
    (b"v/1\x01", "float image OpenEXR"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"DDS ", "DDS texture"),
    (b"\0\0\1\0", "Windows icon"),
    (b"\0\0\2\0", "Windows cursor"),
    (b"icns", "Apple icon"),
    (b"\x01\xda", "SGI image"),
    (b"\x0a\x05\x01", "PCX"),
    (b"SIMPLE  =", "FITS"),
    (b"GRIB", "GRIB"),
    (b"/* XPM */", "XPM"),
    (b"#define", "XBM or C source"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x93NUMPY", "NumPy array"),
    (b"\x80\x04\x95", "Python pickle"),
    (b"gimp xcf", "GIMP XCF"),
    (b"FTEX", "FTEX texture"),
    (b"BLP", "BLP texture"),
    (b"\xd0\xcf\x11\xe0", "OLE document"),
    (b"qoif", "QOI"),
    (b"PCD_", "Photo CD"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"\x8aMNG", "MNG"),
    (b"\x8bJNG", "JNG"),
    (b"\xd7\xcd\xc6\x9a", "Windows metafile"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ", "xz data"),
    (b"7z\xbc\xaf", "7-Zip archive"),
    (b"Rar!", "RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"SQLite format 3", "SQLite"),
    (b"{\\rtf", "RTF document"),
    (b"version https://git-lfs", "a Git LFS pointer, whose file was not fetched"),
)

_REFUSED_TEXT: Final = (
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<head", "HTML"),
    (b"<body", "HTML"),
    (b"<script", "HTML"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML or SVG"),
    (b"<!--", "HTML, XML or SVG"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"#!", "a script"),
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
    name = _other(data)
    raise ImageError(f"not an image that imgprep reads ({f'looks like {name}' if name else 'unknown format'})")


def _other(data: bytes) -> str:
    """The name of a format that is not read; '' when it is unknown."""
    for start, name in _REFUSED_BY_START:
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        return "HEIF" if data[8:12] in _HEIF_BRANDS else "a video or another ISO media file"
    if data[:4] == b"RIFF":
        return "another RIFF file"
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    while head.startswith(b"<!--"):
        head = head.partition(b"-->")[2].lstrip()
    for start, name in _REFUSED_TEXT:
        if head.startswith(start):
            return name
    if not any(byte < 9 or 13 < byte < 32 or byte > 126 for byte in head):
        return "text"
    return ""


def parse_header(data: bytes, options: DecodeOptions) -> Header:
    """Sniffs and parses everything but JPEG, which has its own shorter way.

    Raises:
        ImageError: not read, cut, or over a limit.
    """
    return PARSERS[sniff(data)](data, options)
