"""What is no image that imgprep reads is called by its true name; the files are drawn here, with Pillow or by hand."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from imgprep.decoding.decode import decode
from imgprep.decoding.foreign_formats import name_of
from imgprep.errors import ImageError

STARTS = [
    (b"<!DOCTYPE html><html>", "HTML"),
    (b"\n<html>", "HTML"),
    (b"\xef\xbb\xbf <!-- saved --> <!-- twice -->\r\n<BODY>", "HTML"),
    (b"<!-- drawn --><svg/>", "SVG"),
    (b'<?xml version="1.0"?><svg/>', "SVG"),
    (b"[1, 2]", "JSON"),
    (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
    (b"\x7fELF\2\1\1", "program"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", "EPS"),
    (b"%PDF-1.7\n", "PDF"),
    (b"8BPS\0\1", "PSD"),
    (b"PF\n1 1\n-1.0\n", "PFM"),
    (b"#?RADIANCE\n", "HDR"),
    (b"v/1\x01....", "EXR"),
    (bytes(128) + b"DICM\2\0", "DICOM"),
    (b"\x30\1\0\0\x12\xaf" + bytes(20), "FLC"),
    (b"\xff\xfe\0\0\x11\xaf" + bytes(20), "FLI"),
    (b"FUJIFILMCCD-RAW 0201", "RAF"),
    (b"\0\0\0\x18ftypcrx \0\0\0\1", "CR3"),
    (b"\0\0\0\x18ftypisom\0\0\2\0mp41", "MP4 video"),
    (b"\0\0\0\x14ftypqt  \0\0\0\0", "QuickTime video"),
    (b"\0\0\0\x08wide\0\0\0\0mdat", "QuickTime video"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (b"RIFF\0\0\0\0AVI LIST", "AVI video"),
    (b"RIFF\0\0\0\0WAVE", "WAVE audio"),
    (b"RIFF\0\0\0\0ACON", "another RIFF file"),
    (b"\xff\xd8", "a cut JPEG"),
    ("a table".encode("utf-16"), "UTF-16"),
    (b"just words\n", "text"),
    (bytes(range(200, 256)), "unknown format"),
]


def saved(form, size=(5, 4), mode="RGB", **options):
    buffer = io.BytesIO()
    Image.fromarray(np.arange(size[0] * size[1] * 4, dtype=np.uint8).reshape(*size, 4)).convert(mode).save(
        buffer, form, **options
    )
    return buffer.getvalue()


@pytest.mark.parametrize(("data", "name"), STARTS, ids=[f"{number}-{name}" for number, (_, name) in enumerate(STARTS)])
def test_other_things_are_refused_by_name(data, name):
    with pytest.raises(ImageError, match=f"not an image that imgprep reads .*{name}"):
        decode(data)


def test_nothing_is_empty():
    with pytest.raises(ImageError, match="empty"):
        decode(b"")


@pytest.mark.parametrize("footer", [True, False])
@pytest.mark.parametrize(
    ("mode", "compression"),
    [("1", None), *((mode, how) for mode in ("L", "LA", "P", "RGB", "RGBA") for how in (None, "tga_rle"))],
)
def test_tga_is_no_cursor(mode, compression, footer):
    """TGA has no magic: its uncompressed form begins like a cursor of Windows, its newer form ends with its name."""
    data = saved("TGA", mode=mode, compression=compression)
    if not footer:
        assert data.endswith(b"TRUEVISION-XFILE.\0")
        data = data[:-26]
    assert name_of(data) == "TGA"


def test_icons_and_cursors():
    icon = saved("ICO", (16, 16), "RGBA")
    assert name_of(icon) == "Windows icon"
    assert name_of(icon[:2] + b"\2" + icon[3:]) == "Windows cursor"


@pytest.mark.parametrize("form", ["PCX", "SGI", "ICNS", "DDS", "MSP", "SPIDER", "EPS", "PDF"])
def test_formats_that_pillow_writes(form):
    mode = {"MSP": "1", "SPIDER": "F", "ICNS": "RGBA"}.get(form, "RGB")
    name = name_of(saved(form, (16, 16), mode))
    expected = {"ICNS": "Apple icon", "SGI": "SGI image", "DDS": "DDS texture", "EPS": "PostScript or EPS"}
    assert name == {"MSP": "", "SPIDER": ""}.get(form, expected.get(form, form))


def raw_file(order, *entries, head=b""):
    """A TIFF of one directory without pixels."""
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(
        struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in entries
    )
    start = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(head)) + head
    return start + directory + bytes(64)


@pytest.mark.parametrize(
    "data",
    [
        raw_file("<", (254, 1), (256, 4), (257, 4), (262, 2), (330, 8)),
        raw_file(">", (254, 1), (256, 4), (257, 4), (262, 2), (330, 8)),
        raw_file("<", (256, 4), (257, 4), (262, 32803), (50706, 0x00000401)),
        raw_file("<", (256, 4), (257, 4), (262, 2), head=b"CR\2\0\0\0\0\0"),
    ],
    ids=["NEF", "NEF-big-endian", "DNG", "CR2"],
)
def test_camera_raw_files_are_not_read_as_their_previews(data):
    with pytest.raises(ImageError, match="camera raw file"):
        decode(data)
