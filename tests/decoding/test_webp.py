import struct

import pytest
from PIL import Image

from imgprep.decoding.decode import decode
from imgprep.errors import ImageError


def riff(*chunks):
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.fixture
def image(draw, save):
    data = save(draw(), "WEBP", lossless=True)
    return b"VP8L", data[20 : 20 + int.from_bytes(data[16:20], "little")]


def extended(flags, width=32, height=24):
    return b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def exif():
    block = Image.Exif()
    block[0x0112] = 6
    return b"EXIF", block.tobytes()


def test_metadata_count_when_the_header_says_so(image):
    xmp = b"XMP ", b'<x tiff:Orientation="6"/>'
    assert decode(riff(extended(8), image, exif())).flags == ("exif-rotated",)
    assert decode(riff(extended(8), exif(), image)).flags == ("exif-rotated",)
    assert decode(riff(extended(4), image, xmp)).flags == ("exif-rotated",)
    for chunks in ((extended(0), image, exif()), (extended(8), image, xmp), (image, exif())):
        assert decode(riff(*chunks)).flags == ()


def test_refusals(image):
    for data, reason in (
        (riff(extended(0)), "damaged"),
        (riff(), "no image"),
        (riff((b"VP8X", b"")), "cut in its header"),
        (riff(extended(0, 99, 99), image), "damaged"),
        (riff((image[0], image[1][: len(image[1]) // 2])), "damaged"),
        (riff(image)[:-20], "WebP is cut"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode(data)
