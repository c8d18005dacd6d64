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
