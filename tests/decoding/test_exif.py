import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgprep.decoding.exif import orientation_of


def block(order, value, kind=3):
    body = struct.pack(order + ("H2x" if kind == 3 else "I"), value)
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHI", 8, 1, 0x0112, kind, 1) + body + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0", b"Exif\0\0Exif\0\0"])
def test_all_spellings(order, kind, prefix):
    assert [orientation_of(prefix + block(order, value, kind)) for value in range(1, 9)] == list(range(1, 9))


def test_nonsense_is_upright():
    assert orientation_of(block("<", 0)) == 1
    assert orientation_of(block("<", 9)) == 1
    assert orientation_of(b"II*\0\xff\xff\xff\xff" + bytes(20)) == 1


def test_the_first_of_several_values_counts():
    two = struct.pack("<4sIHHHIHHI", b"II*\0", 8, 1, 0x0112, 3, 2, 6, 8, 0)
    far = struct.pack("<4sIHHHIIIHHH", b"II*\0", 8, 1, 0x0112, 3, 3, 26, 0, 5, 1, 1)
    assert orientation_of(two) == 6
    assert orientation_of(far) == 5
    assert orientation_of(far[:-4]) == 1


def test_only_a_tiff_is_read():
    assert orientation_of(b"II\x55\0" + block("<", 6)[4:]) == 1
    assert orientation_of(b"XX*\0" + block("<", 6)[4:]) == 1
    assert orientation_of(b"MM*\0" + block(">", 6)[4:]) == 6


def test_xmp_counts_only_without_exif():
    xmp = b'<rdf tiff:Orientation="6"/>'
    assert orientation_of(b"", xmp) == 6
    assert orientation_of(b"", b"<tiff:Orientation>3</tiff:Orientation>") == 3
    assert orientation_of(block(">", 8), xmp) == 8
    assert orientation_of(Image.Exif().tobytes(), xmp) == 6
    assert orientation_of(block(">", 0), xmp) == 1


@given(st.binary(max_size=80), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
def test_never_fails(data, start):
    assert 1 <= orientation_of(start + data, data) <= 8
