import struct

import pytest

from imgprep.decoding.decode import decode
from imgprep.errors import ImageError


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        (b"P5 3 1 100\n", bytes([0, 50, 100]), [0, 128, 255]),
        (b"P5 3 1 1\n", bytes([0, 1, 1]), [0, 255, 255]),
        (b"P5 3 1 1000\n", struct.pack(">3H", 0, 500, 1000), [0, 32768, 65535]),
        (b"P2 3 1 15\n", b"0 7 15", [0, 119, 255]),
        (b"P2 3 1 1000\n", b"0 500 1000", [0, 32768, 65535]),
        (b"P1 3 1\n", b"011", [255, 0, 0]),
        (b"P4\n# comment\n3 1\n", b"\x60", [255, 0, 0]),
        (b"P5\n#x\n3 1\n#y\n255\n", b"abc", [97, 98, 99]),
    ],
)
def test_samples_fill_their_range(head, body, expected):
    assert decode(head + body).pixels[0, :, 0].tolist() == expected


def test_cut_and_impossible_headers():
    with pytest.raises(ImageError, match="4 bytes of samples needed, 3 are there"):
        decode(b"P5 2 2 255\nabc")
    with pytest.raises(ImageError, match="largest value of 70000"):
        decode(b"P5 1 1 70000\nabcdef")
    with pytest.raises(ImageError, match="header cannot be read"):
        decode(b"P6 what is this")
    assert decode(b"P5 1 1 255\na12345").flags == ("grey", "trailing-bytes")


def test_plain_samples_are_numbers_in_range():
    assert decode(b"P2 2 1 9 # largest\n 1 # first\n09").pixels[0, :, 0].tolist() == [28, 255]
    assert decode(b"P2 1 1 255 7 hello").flags == ("grey", "trailing-bytes")
    assert decode(b"P1 2 1 0 1 1").flags == ("grey", "trailing-bytes")
    for data, reason in (
        (b"P2 2 1 100 5 101", "sample of 101, more than its largest value of 100"),
        (b"P2 2 1 255 5 300", "sample of 300"),
        (b"P2 2 1 255 5 -1", "no numbers"),
        (b"P2 2 1 255 5 1.5", "no numbers"),
        (b"P3 1 1 255 5 x 5", "no numbers"),
        (b"P2 2 1 255 5 1_0", "no numbers"),
        (b"P2 2 1 255 5 " + b"9" * 5000, "absurdly many digits"),
        (b"P2 2 1 255 5 " + b"9" * 40, "absurdly many digits"),
        (b"P2 3 1 255 555", "3 samples needed, 1 are there"),
        (b"P2 2 1 255 " + b" " * 9, "2 samples needed, 0 are there"),
        (b"P1 2 1 02", "other samples than 0 and 1"),
        (b"P1 2 1 0#1", "2 samples needed, 1 are there"),
    ):
        with pytest.raises(ImageError, match=reason):
            decode(data)


def test_many_plain_samples(draw):
    image = draw(700, 800)
    text = b"P3 800 700 255\n" + b" ".join(b"%d" % value for value in image.reshape(-1))
    assert (decode(text).pixels == image).all()
