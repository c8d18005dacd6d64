"""Whatever follows the first bytes of a format gives an image or a reason, and no other error."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.decoding.decode import DecodeOptions, decode
from imgprep.errors import ImageError

SMALL = DecodeOptions(max_pixels=1_000_000)
EXAMPLES = settings(max_examples=150, derandomize=True, deadline=None, database=None)
BOXES = struct.pack(">I4s4sI4s", 20, b"ftyp", b"avif", 0, b"avif")
STARTS = [
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xc0\0\x0b\x08\0\x10\0\x10\1\1\x11\0",
    b"\xff\xd8\xff\xc2\0\x0b\x08\0\x10\0\x10\1\1\x11\0\xff\xda\0\x08\1\1\0\0\0\0",
    b"\xff\xd8\xff\xe1\0\x20Exif\0\0II*\0",
    b"\x89PNG\r\n\x1a\n",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x04\0\0\0\x04\x08\x02\0\0\0\x26\x93\x09\x29",
    b"GIF87a",
    b"GIF89a\x04\0\x04\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x04\0\x04\0\0\2",
    b"BM",
    b"BM" + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 62, 40, 4, 4, 1, 8, 1, 0, 0, 0, 2, 0) + bytes(8),
    b"RIFF\x40\0\0\0WEBP",
    b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x1a\0\0\0\3\0\0\3\0\0",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08\0\x0b",
    b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
    BOXES,
    BOXES + struct.pack(">I4sI", 400, b"meta", 0),
    b"\xff\x4f\xff\x51\0\x2f\0\0",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    *(b"P%d 3 2 " % kind for kind in (1, 4)),
    *(b"P%d 3 2 255 " % kind for kind in (2, 3, 5, 6)),
    b"",
]


@pytest.mark.parametrize("start", STARTS, ids=range(len(STARTS)))
def test_bytes_without_meaning(start):
    @EXAMPLES
    @given(st.binary(max_size=300))
    def gives_an_image_or_a_reason(rest):
        judge(start + rest)

    gives_an_image_or_a_reason()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "WebP", "TIFF", "AVIF", "JPEG 2000", "PNM"])
def test_good_files_with_a_piece_exchanged(files, name):
    content = files[name]

    @EXAMPLES
    @given(st.integers(0, len(content) - 1), st.integers(0, 12), st.binary(max_size=12))
    def gives_an_image_or_a_reason(at, length, piece):
        judge(content[:at] + piece + content[at + length :])

    gives_an_image_or_a_reason()


def judge(data):
    reason, pixels, flags = "", None, ()
    try:
        pixels, flags = decode(data, SMALL)
    except ImageError as error:
        reason = str(error)
    if pixels is None:
        assert reason.isprintable()
        assert len(reason) > 8
        return
    assert pixels.ndim == 3
    assert pixels.shape[2] in {1, 3}
    assert pixels.flags.c_contiguous
    assert list(flags) == sorted(set(flags))
