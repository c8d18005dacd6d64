"""Names the formats that imgprep does not read, so that a refused file is called by its true name."""

import struct
from typing import Final

_BY_START: Final = (
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
    (b"\xabKTX ", "KTX texture"),
    (b"icns", "Apple icon"),
    (b"\x01\xda", "SGI image"),
    (b"SIMPLE  =", "FITS"),
    (b"GRIB", "GRIB"),
    (b"/* XPM */", "XPM"),
    (b"#define", "XBM or C source"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"\xff\xd8", "a cut JPEG"),
    (b"BPG\xfb", "BPG"),
    (b"\x97JB2\r\n\x1a\n", "JBIG2"),
    (b"AT&TFORM", "DjVu"),
    (b"IIRO", "a camera raw file ORF"),
    (b"IIRS", "a camera raw file ORF"),
    (b"MMOR", "a camera raw file ORF"),
    (b"IIU\0", "a camera raw file RW2"),
    (b"FUJIFILMCCD-RAW", "a camera raw file RAF"),
    (b"FOVb", "a camera raw file X3F"),
    (b"\0MRM", "a camera raw file MRW"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x93NUMPY", "NumPy array"),
    (b"MATLAB 5.0 MAT-file", "MATLAB data"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow"),
    (b"\x80\x02}", "Python pickle"),
    (b"\x80\x03}", "Python pickle"),
    (b"\x80\x04\x95", "Python pickle"),
    (b"\x80\x05\x95", "Python pickle"),
    (b"gimp xcf", "GIMP XCF"),
    (b"FTEX", "FTEX texture"),
    (b"BLP", "BLP texture"),
    (b"\xd0\xcf\x11\xe0", "OLE document"),
    (b"qoif", "QOI"),
    (b"PCD_", "Photo CD"),
    (b"\x8aMNG", "MNG"),
    (b"\x8bJNG", "JNG"),
    (b"\xd7\xcd\xc6\x9a", "Windows metafile"),
    (b"\x01\0\0\0\x58\0\0\0", "Windows enhanced metafile"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ", "xz data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"7z\xbc\xaf", "7-Zip archive"),
    (b"Rar!", "RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"FLV\x01", "a Flash video"),
    (b"\0\0\x01\xba", "an MPEG video"),
    (b"\0\0\x01\xb3", "an MPEG video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media video"),
    (b"OggS", "Ogg audio or video"),
    (b"ID3", "MP3 audio"),
    (b"fLaC", "FLAC audio"),
    (b"SQLite format 3", "SQLite"),
    (b"{\\rtf", "RTF document"),
    (b"version https://git-lfs", "a Git LFS pointer, whose file was not fetched"),
)
_BY_PLACE: Final = (
    (128, b"DICM", "DICOM"),
    (4, b"\x11\xaf", "FLI animation"),
    (4, b"\x12\xaf", "FLC animation"),
    (257, b"ustar", "tar archive"),
    (344, b"n+1\0", "NIfTI"),
    (2048, b"PCD_", "Photo CD"),
)
_ISO_MEDIA: Final = {
    b"crx ": "a camera raw file CR3",
    b"qt  ": "a QuickTime video",
    **dict.fromkeys((b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV"), "an MP4 video"),
    b"M4A ": "MPEG-4 audio",
}
_QUICKTIME_ATOMS: Final = {b"moov", b"mdat", b"wide", b"pnot"}
_RIFF: Final = {b"AVI ": "an AVI video", b"WAVE": "WAVE audio", b"CDR": "CorelDRAW"}
_TEXT: Final = (
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<head", "HTML"),
    (b"<body", "HTML"),
    (b"<script", "HTML"),
    (b"<!doctype svg", "SVG"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML or SVG"),
    (b"<!--", "HTML, XML or SVG"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"#!", "a script"),
)
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_TGA_FOOTER: Final = b"TRUEVISION-XFILE.\0"
_TGA_KINDS: Final = frozenset({1, 2, 3, 9, 10, 11, 32, 33})
_TGA_WITH_TABLE: Final = frozenset({1, 9, 32, 33})


def name_of(data: bytes) -> str:
    """The name of a format that imgprep does not read, with an article where it needs one; '' when it is unknown."""
    for start, name in _BY_START:
        if data.startswith(start):
            return name
    for place, mark, name in _BY_PLACE:
        if data.startswith(mark, place):
            return name
    return _container(data) or _without_magic(data) or _text(data)


def _container(data: bytes) -> str:
    """By the kind of contents that ISO media and RIFF files declare."""
    kind = data[4:8]
    if kind == b"ftyp":
        return _ISO_MEDIA.get(data[8:12], "a video or another ISO media file")
    if kind in _QUICKTIME_ATOMS:
        return "a QuickTime video"
    if data[:4] in {b"RIFF", b"RIFX"}:
        return _RIFF.get(data[8:12], _RIFF.get(data[8:11], "another RIFF file"))
    return ""


def _without_magic(data: bytes) -> str:
    """Formats that are recognised by several fields of their headers."""
    if len(data) < 18:
        return ""
    reserved, kind, count = struct.unpack_from("<HHH", data)
    if not reserved and kind in {1, 2} and 0 < count < 1024 and not data[9]:
        return "Windows icon" if kind == 1 else "Windows cursor"
    if data[0] == 0x0A and data[1] in {0, 2, 3, 4, 5} and data[2] < 2 and data[3] in {1, 2, 4, 8}:
        return "PCX"
    return "TGA" if data.endswith(_TGA_FOOTER) or _is_tga(data) else ""


def _is_tga(data: bytes) -> bool:
    _, table, kind, first, colours, table_bits = struct.unpack_from("<BBBHHB", data)
    width, height, bits, descriptor = struct.unpack_from("<HHBB", data, 12)
    if kind not in _TGA_KINDS or table not in {0, 1} or not width or not height or descriptor & 0xC0:
        return False
    if table:
        return colours > 0 and table_bits in {15, 16, 24, 32} and bits in {8, 16}
    return kind not in _TGA_WITH_TABLE and not (first or colours) and bits in {1, 8, 15, 16, 24, 32}


def _text(data: bytes) -> str:
    if data.startswith(_UTF_16):
        return "text in UTF-16"
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    while head.startswith(b"<!--"):
        head = head.partition(b"-->")[2].lstrip()
    for start, name in _TEXT:
        if head.startswith(start):
            return name
    return "text" if not any(byte < 9 or 13 < byte < 32 or byte > 126 for byte in head) else ""
