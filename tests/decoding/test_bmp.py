import struct

import numpy as np
import pytest

from imgprep.decoding.decode import decode
from imgprep.errors import ImageError


def bmp(bits, rows, *, masks=(), height=1, size=40):
    body = struct.pack("<iiHHIIiiII", 2, height, 1, bits, 3 if masks else 0, len(rows), 0, 0, 0, 0)
    table = struct.pack(f"<{len(masks)}I", *masks)
    offset = 14 + size + (len(table) if size == 40 else 0)
    head = struct.pack("<I", size) + body + table
    head = head.ljust(offset - 14, b"\0")
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + head + rows


def test_16_bits_are_spread_with_rounding():
    rows = struct.pack("<HH", 0x7FFF, 1 << 10 | 2 << 5 | 3)
    assert decode(bmp(16, rows)).pixels.tolist() == [[[255] * 3, [8, 16, 25]]]
    rows = struct.pack("<HH", 0xFFFF, 1 << 11 | 2 << 5 | 3)
    assert decode(bmp(16, rows, masks=(0xF800, 0x7E0, 0x1F))).pixels.tolist() == [[[255] * 3, [8, 8, 25]]]


def test_32_bits_have_alpha_only_with_a_mask():
    rows = bytes([1, 2, 3, 0, 4, 5, 6, 255])
    assert decode(bmp(32, rows))[0].tolist() == [[[3, 2, 1], [6, 5, 4]]]
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    pixels, flags = decode(bmp(32, rows, masks=masks, size=56))
    assert pixels.tolist() == [[[255] * 3, [6, 5, 4]]]
    assert flags == ("alpha",)
    swapped = (0xFF, 0xFF00, 0xFF0000)
    assert decode(bmp(32, rows, masks=swapped)).pixels.tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_rows_from_the_top_and_from_the_bottom():
    rows = bytes(range(16))
    down = decode(bmp(32, rows, height=-2)).pixels
    assert (down == decode(bmp(32, rows, height=2)).pixels[::-1]).all()
    assert down[0, 0].tolist() == [2, 1, 0]


def test_grey_tables_give_one_channel(draw, save):
    grey = draw(channels=1)[:, :, 0]
    pixels, flags = decode(save(grey, "BMP"))
    assert flags == ("grey",)
    assert np.array_equal(pixels[:, :, 0], grey)


def test_refusals():
    with pytest.raises(ImageError, match="unusual bit masks"):
        decode(bmp(32, bytes(8), masks=(0x3FF00000, 0xFFC00, 0x3FF)))
    with pytest.raises(ImageError, match="8 bytes of pixels needed, 4 are there"):
        decode(bmp(32, bytes(4)))
    with pytest.raises(ImageError, match="impossible size"):
        decode(bmp(32, bytes(8), height=0))
    embedded = bytearray(bmp(24, bytes(8)))
    embedded[30] = 4
    with pytest.raises(ImageError, match="JPEG"):
        decode(bytes(embedded))
