import struct

import pytest

from imgprep.decoding.decode import decode
from imgprep.errors import ImageError


def test_trailing_bytes_and_boxes(files):
    plain = decode(files["AVIF"])
    assert plain.flags == ()
    for tail in (b"hello, world", bytes(40), b"\xff\xd8\xff\xe0\0\x10JFIF", b"abc"):
        longer = decode(files["AVIF"] + tail)
        assert longer.flags == ("trailing-bytes",), tail
        assert (longer.pixels == plain.pixels).all()
    assert decode(files["AVIF"] + struct.pack(">I4s4s", 12, b"free", b"abcd")).flags == ()


def test_a_box_that_is_cut(files):
    for part in (0.1, 0.3, 0.5, 0.7, 0.99):
        with pytest.raises(ImageError, match="cut"):
            decode(files["AVIF"][: int(len(files["AVIF"]) * part)])
    with pytest.raises(ImageError, match="box goes beyond"):
        decode(files["AVIF"] + struct.pack(">I4s", 500, b"mdat"))


@pytest.mark.parametrize("options", [{"subsampling": "4:0:0"}, {"subsampling": "4:4:4"}, {"range": "limited"}])
def test_samplings(draw, save, options):
    assert decode(save(draw(), "AVIF", quality=90, **options)).pixels.shape[:2] == (24, 32)
