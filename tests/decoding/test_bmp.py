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


def indexed(bits, pixels, *, width=5, height=2, compression=0, size=40, offset=None, colours=0):
    """A BMP whose table has the colour (i, 2 i, 3 i) at i."""
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, 0, 0, 0, colours, 0)
    head = struct.pack("<IHHHH", 12, width, height, 1, bits) if size == 12 else head.ljust(size, b"\0")
    table = b"".join(
        bytes([3 * i % 256, 2 * i % 256, i]) + bytes(size != 12) for i in range(colours or min(1 << bits, 80))
    )
    start = 14 + len(head) + len(table)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, start if offset is None else offset) + head + table + pixels


def numbers(data):
    return decode(data).pixels[:, :, 0].tolist()


@pytest.mark.parametrize("size", [12, 40, 52, 56, 64, 108, 124])
def test_indices_of_all_depths_under_all_headers(size):
    padded = b"\1\2\3\4\5\0\0\0" + b"\6\7\x08\x09\x0a\0\0\0"
    assert numbers(indexed(8, padded, size=size)) == [[6, 7, 8, 9, 10], [1, 2, 3, 4, 5]]
    if size != 12:
        assert numbers(indexed(8, padded, size=size, height=-2)) == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    assert numbers(indexed(4, b"\x12\x34\x50\0" * 2, size=size)) == [[1, 2, 3, 4, 5]] * 2
    assert numbers(indexed(1, b"\xa8\0\0\0" * 2, size=size)) == [[1, 0, 1, 0, 1]] * 2


def test_indices_beyond_the_table_are_black():
    assert numbers(indexed(8, b"\1\2\3\x50\xff\0\0\0" * 2)) == [[1, 2, 3, 0, 0]] * 2


def test_pixels_follow_the_table_where_nothing_says_where_they_are():
    assert numbers(indexed(4, b"\x12\x34\x50\0" * 2, offset=0)) == [[1, 2, 3, 4, 5]] * 2


def test_padding_of_the_last_row_may_be_missing():
    assert numbers(indexed(8, b"\1\2\3\4\5\0\0\0" + b"\6\7\x08\x09\x0a")) == [[6, 7, 8, 9, 10], [1, 2, 3, 4, 5]]
    with pytest.raises(ImageError, match="13 bytes of pixels needed, 12 are there"):
        decode(indexed(8, bytes(12)))


def test_alpha_of_one_bit():
    rows = struct.pack("<HH", 0x8000 | 31, 31)
    pixels, flags = decode(bmp(16, rows, masks=(0x7C00, 0x3E0, 0x1F, 0x8000), size=56))
    assert pixels.tolist() == [[[0, 0, 255], [255, 255, 255]]]
    assert flags == ("alpha",)


@pytest.mark.parametrize(
    ("bits", "codes", "expected"),
    [
        (8, b"\5\1\0\0\5\2\0\1", [[2] * 5, [1] * 5]),
        (8, b"\5\1\0\0\5\2", [[2] * 5, [1] * 5]),
        (8, b"\0\5\1\2\3\4\5\0\0\0\2\7\3\x08", [[7, 7, 8, 8, 8], [1, 2, 3, 4, 5]]),
        # ImageMagick pads the rows within its runs.
        (8, b"\4\1\4\3\0\0\0\x08\1\2\3\4\5\6\7\x08\0\0\0\1", [[1, 2, 3, 4, 5], [1, 1, 1, 1, 3]]),
        (8, b"\1\1\0\2\2\0\2\4\0\0\0\2\1\1\0\1", [[0] * 5, [1, 0, 0, 4, 4]]),
        (4, b"\5\x12\0\0\0\5\x12\x34\x56\0\0\1", [[1, 2, 3, 4, 5], [1, 2, 1, 2, 1]]),
    ],
)
def test_runs(bits, codes, expected):
    assert numbers(indexed(bits, codes, compression=1 if bits == 8 else 2)) == expected


@pytest.mark.parametrize("codes", [b"", b"\0\1", b"\5\1\0\0\4\2\0\1", b"\5\1\0\0\0\5\1\2", b"\5\1\5\2\0\1"])
def test_runs_that_end_early(codes):
    with pytest.raises(ImageError, match="runs end in row"):
        decode(indexed(8, codes, compression=1))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"compression": 1, "bits": 4}, "compression 1 and 4 bits"),
        ({"compression": 3}, "compression 3 and 8 bits"),
        ({"compression": 99}, "compression 99"),
        ({"bits": 2}, "2 bits a pixel"),
        ({"size": 16}, "header of 16 bytes"),
        ({"size": 100}, "header of 100 bytes"),
        ({"offset": 54}, "within its header"),
        ({"colours": 300}, "300 colours for 8 bits"),
    ],
)
def test_odd_headers_are_refused(options, reason):
    bits = options.pop("bits", 8)
    if options.get("colours"):
        data = bytearray(indexed(bits, bytes(99)))
        data[46:50] = struct.pack("<I", options["colours"])
    else:
        data = indexed(bits, bytes(99), **options)
    with pytest.raises(ImageError, match=reason):
        decode(bytes(data))


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
